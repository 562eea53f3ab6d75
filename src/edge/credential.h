/* SPDX-License-Identifier: MIT
 * The token that a handshake may bring, where the configuration wants one:
 * `Authorization: Bearer …` (auth.header), or a cookie (auth.cookie).
 *
 * A program can send the header; a page in a browser cannot. A browser sends
 * the cookies of this host with every handshake, whosever page asks for it. So
 * cookies need a check of the origin: the configuration insists on that. */
#ifndef EDGE_CREDENTIAL_H
#define EDGE_CREDENTIAL_H

#include "config/config.h"
#include "wire/request.h"

#include <stdbool.h>
#include <stddef.h>

/* As long as all headers together may be. */
enum { CREDENTIAL_BYTES = REQUEST_BYTES_MAX };

/* Writes the token of the handshake, zero-terminated, and its length. The
 * header is preferred to the cookie. A raw connection may bring the header
 * without auth.header, too, because it has no `auth` message. False if there is
 * no token. Nothing else of the headers is left in `out`: to wipe the token is
 * enough. */
bool credential_get(const struct request *request, const struct config *config,
                    bool raw, char out[CREDENTIAL_BYTES], size_t *len);

/* The value of "Bearer VALUE"; NULL if it is another kind. */
const char *credential_bearer(const char *authorization);

/* Finds the first cookie of that name in a Cookie header. Its value, without
 * quotes around it, is `*len` bytes at the result. NULL if there is none, or
 * if it is empty. */
const char *credential_cookie(const char *cookies, const char *name,
                              size_t *len);

#endif
