/* SPDX-License-Identifier: MIT
 * The headers of a handshake, kept for scripts. */
#ifndef EDGE_HEADERS_H
#define EDGE_HEADERS_H

#include "base/attr.h"
#include "wire/request.h"

/* Packs the well-known headers that the client sent, and those named in `more`
 * (ends with NULL). The form is "name\0value\0…\0", with names in lower case
 * and the lines of one header joined to one value. Headers that concern only
 * the handshake itself are left out. A connection keeps the rest as long as it
 * lives, and browsers send a dozen that nobody asks for: that is why not all
 * are kept. NULL if there are none. The caller frees it. */
MUST_CHECK char *headers_pack(const struct request *request, char *const *more);

/* The same of all headers of a request of plain HTTP, which are there for as
 * long as it is answered. */
MUST_CHECK char *headers_pack_all(const struct request *request);

#endif
