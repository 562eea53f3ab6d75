/* SPDX-License-Identifier: MIT
 * Looks at the certificate before the server starts.
 *
 * libwebsockets starts without a certificate that it cannot read, in the hope
 * that there will be one later, and serves nobody until then. */
#ifndef EDGE_TLS_H
#define EDGE_TLS_H

#include "base/attr.h"
#include "base/buf.h"

/* Whether these PEM files are a certificate chain and its private key. 0, or
 * ERR_CONFIG with the option and the reason appended to `error`. */
MUST_CHECK int tls_check(const char *cert, const char *key, struct buf *error);

#endif
