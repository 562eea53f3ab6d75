/* SPDX-License-Identifier: MIT
 * What a worker does TLS with: its certificate, which is read again while it
 * runs, and its rules: TLS 1.2 and later, HTTP/1.1 only (what we write has no
 * meaning inside HTTP/2), sessions that any worker can resume (edge/tickets).
 */
#ifndef EDGE_TLS_H
#define EDGE_TLS_H

#include "base/attr.h"
#include "base/buf.h"

#include <openssl/ssl.h>

/* For one worker, with the certificate chain and its private key that are in
 * these PEM files. NULL, with the option and the reason appended to `error`. */
MUST_CHECK SSL_CTX *tls_new(const char *cert, const char *key,
                            struct buf *error);

/* A new certificate was used from now on. */
enum { TLS_RENEWED = 1 };

/* Reads the files again for a context that serves: new connections get what
 * is in them, those that are there keep what they have. Returns TLS_RENEWED,
 * with the end of its validity appended to `text`; 0 if it is the same one
 * still; ERR_CONFIG, with the reason in `text` and nothing changed. */
MUST_CHECK int tls_renew(SSL_CTX *live, const char *cert, const char *key,
                         struct buf *text);

#endif
