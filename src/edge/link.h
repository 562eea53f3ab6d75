/* SPDX-License-Identifier: MIT
 * Bytes from and to the socket of a connection, plain or over TLS.
 *
 * Over TLS the SSL object is in the mode in which a write may be partial and
 * may be repeated from another address, see edge/tls. */
#ifndef EDGE_LINK_H
#define EDGE_LINK_H

#include "base/attr.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A write that TLS could not finish must be repeated with the same bytes at
 * the front, and not fewer: at most so many, a record's. */
enum { LINK_RECORD_BYTES = 16 * 1024 };

/* Reads what is there, up to `cap` bytes: how many; 0 if nothing is there now;
 * ERR_CLOSED when it is over: the end of the stream, or an error. `tls` is NULL
 * for a plain socket. */
MUST_CHECK ssize_t link_read(int fd, SSL *tls, void *out, size_t cap);

/* Whether there may be more that the kernel does not tell of. */
bool link_has_more(const SSL *tls);

/* Writes what the socket takes: how many bytes, or ERR_CLOSED. Fewer than
 * `len` means that it takes no more now. */
MUST_CHECK ssize_t link_write(int fd, SSL *tls, const void *data, size_t len);

#endif
