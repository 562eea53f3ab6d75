/* SPDX-License-Identifier: MIT
 * The headers of a handshake, kept for scripts. */
#ifndef EDGE_HEADERS_H
#define EDGE_HEADERS_H

#include "base/attr.h"
#include "wire/request.h"

/* The well-known headers that the client sent, and those named in `more` (ends
 * with NULL), as "name\0value\0…\0" with names in lower case; several lines of
 * one as one value. Not those that only concern the handshake itself. All would
 * be too many: browsers send a dozen that nobody asks for, and a connection
 * keeps them as long as it lives. NULL if there are none. The caller frees it.
 */
MUST_CHECK char *headers_pack(const struct request *request, char *const *more);

#endif
