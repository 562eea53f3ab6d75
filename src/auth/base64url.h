/* SPDX-License-Identifier: MIT
 * Base64 of URLs, as tokens have it (RFC 7515, 2). */
#ifndef AUTH_BASE64URL_H
#define AUTH_BASE64URL_H

#include "base/attr.h"
#include "base/buf.h"

#include <stddef.h>

/* Decodes strictly: there is no padding, and bits that mean nothing must be
 * zero. `out` has room for `len` bytes. Returns the number of bytes written, or
 * -1. */
MUST_CHECK int base64url_decode(const char *text, size_t len,
                                unsigned char *out);

/* Appends the text of `bytes`. */
void base64url_put(struct buf *out, const void *bytes, size_t len);

#endif
