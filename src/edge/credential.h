/* SPDX-License-Identifier: MIT
 * The token that a handshake may bring, where the configuration wants one:
 * `Authorization: Bearer …` (auth.header), or a cookie (auth.cookie).
 *
 * A program can send the header, a page of a browser cannot; but a browser
 * sends the cookies of this host along, whosever page it is. So the origin
 * must be checked with cookies: check_config insists on that. */
#ifndef EDGE_CREDENTIAL_H
#define EDGE_CREDENTIAL_H

#include "config/config.h"
#include "wire/request.h"

#include <stdbool.h>
#include <stddef.h>

/* All headers together are not longer. */
enum { CREDENTIAL_BYTES = REQUEST_BYTES_MAX };

/* Writes the token of the handshake, zero-terminated, and its length; the
 * header comes before the cookie. A raw connection may bring the header also
 * without auth.header: it has no message for it. False if there is none. */
bool credential_get(const struct request *request, const struct config *config,
                    bool raw, char out[CREDENTIAL_BYTES], size_t *len);

/* The value of "Bearer VALUE"; NULL if it is another kind. */
const char *credential_bearer(const char *authorization);

/* Finds the first cookie of that name in a Cookie header; its value, without
 * quotes around it, is `*len` bytes at the result. NULL if there is none, or
 * an empty one. */
const char *credential_cookie(const char *cookies, const char *name,
                              size_t *len);

#endif
