/* SPDX-License-Identifier: MIT
 * Looks at the certificate before the server starts, and reads it again while
 * it runs.
 *
 * libwebsockets starts without a certificate that it cannot read, in the hope
 * that there will be one later, and serves nobody until then. */
#ifndef EDGE_TLS_H
#define EDGE_TLS_H

#include "base/attr.h"
#include "base/buf.h"

#include <openssl/ssl.h>

/* Whether these PEM files are a certificate chain and its private key. 0, or
 * ERR_CONFIG with the option and the reason appended to `error`. */
MUST_CHECK int tls_check(const char *cert, const char *key, struct buf *error);

/* A new certificate was used from now on. */
enum { TLS_RENEWED = 1 };

/* Reads the files again for a context that serves: new connections get what
 * is in them, those that are there keep what they have. Returns TLS_RENEWED,
 * with the end of its validity appended to `text`; 0 if it is the same one
 * still; ERR_CONFIG, with the reason in `text` and nothing changed. */
MUST_CHECK int tls_renew(SSL_CTX *live, const char *cert, const char *key,
                         struct buf *text);

#endif
