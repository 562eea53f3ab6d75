/* SPDX-License-Identifier: MIT
 * The headers of a handshake, kept for scripts. */
#ifndef EDGE_HEADERS_H
#define EDGE_HEADERS_H

#include "base/attr.h"

#include <libwebsockets.h>
#include <stdbool.h>
#include <stddef.h>

/* The well-known headers that the client sent, as "name\0value\0…\0" with
 * names in lower case; without those that only concern the handshake itself.
 * NULL if there are none. The caller frees it. To be called while the library
 * still has them: until the established callback has returned.
 *
 * libwebsockets 4.1 can look up any header but list only those it knows: of
 * the others, those named in `more` (ends with NULL) are taken. */
MUST_CHECK char *headers_pack(struct lws *wsi, char *const *more);

/* Copies a header's value into `out`; false if it is missing or too long. */
bool headers_get(struct lws *wsi, enum lws_token_indexes token, char *out,
                 size_t cap);

#endif
