/* SPDX-License-Identifier: MIT
 * Bytes from and to the socket of a connection, plain or over TLS.
 *
 * What TLS writes goes through a pipe of ours (a BIO of OpenSSL's) that takes
 * everything: what the socket does not take waits there. So a write of TLS is
 * never half done, and TLS may have something to say of its own (a new key,
 * RFC 8446, 4.6.3) while the socket is full. We stop writing then; what TLS
 * says by itself is bounded, or the connection ends. */
#ifndef EDGE_LINK_H
#define EDGE_LINK_H

#include "base/attr.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* One record of TLS. */
enum { LINK_RECORD_BYTES = 16 * 1024 };

/* For a new SSL object on a socket. ERR_SYSTEM if OpenSSL has no memory. */
MUST_CHECK int link_attach(SSL *tls, int fd);

/* Whether something that TLS has written waits for room in the socket. */
bool link_is_full(const SSL *tls);

/* Reads what is there, up to `cap` bytes: how many; 0 if nothing is there now,
 * or a record of TLS that brings none (the next one is for the next read);
 * ERR_CLOSED when it is over: the end of the stream, or an error. `tls` is NULL
 * for a plain socket. */
MUST_CHECK ssize_t link_read(int fd, SSL *tls, void *out, size_t cap);

/* Whether there may be more that the kernel does not tell of. */
bool link_has_more(const SSL *tls);

/* Writes what waits, and then what the socket takes: how many bytes of `data`,
 * or ERR_CLOSED. Fewer than `len`, or a link that is full afterwards, mean that
 * it takes no more now. `len` may be 0. */
MUST_CHECK ssize_t link_write(int fd, SSL *tls, const void *data, size_t len);

#endif
