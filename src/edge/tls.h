/* SPDX-License-Identifier: MIT
 * What a worker needs for TLS: its certificate and its rules.
 *
 * The certificate can be read again while the worker runs. The rules are: TLS
 * 1.2 and later; HTTP/1.1 only, as what we write has no meaning inside HTTP/2;
 * sessions that any worker can resume (edge/tickets). The handshake itself, and
 * all bytes after it, are net/transport's. */
#ifndef EDGE_TLS_H
#define EDGE_TLS_H

#include "base/attr.h"
#include "base/buf.h"

#include <openssl/ssl.h>

/* For one worker, with the certificate chain and the private key in these PEM
 * files. NULL on failure, with the option and the reason appended to `error`.
 */
MUST_CHECK SSL_CTX *tls_new(const char *cert, const char *key,
                            struct buf *error);

/* A new certificate is used from now on. */
enum { TLS_RENEWED = 1 };

/* Reads the files again for a context that serves. New connections get what is
 * in them; those that are there keep what they have. Returns TLS_RENEWED, with
 * the end of the certificate's validity appended to `text`; 0 if it is still
 * the same certificate; ERR_CONFIG if nothing has changed, with the reason in
 * `text`. */
MUST_CHECK int tls_renew(SSL_CTX *live, const char *cert, const char *key,
                         struct buf *text);

#endif
