/* SPDX-License-Identifier: MIT
 * TLS to a Redis (rediss://), where hiredis can do it: from 1.0 on, and when
 * its hiredis_ssl was there at build time. Debian 12 has 0.14.1, without. */
#ifndef REDIS_SECURE_H
#define REDIS_SECURE_H

#include "base/attr.h"

#include <openssl/types.h>
#include <stdbool.h>

struct redisContext;

/* Whether this program can. */
bool secure_possible(void);

/* A context that trusts the authorities in this PEM file, or those of the
 * system ("" or NULL). NULL, and a constant text in `why`. Free it with
 * secure_free. */
MUST_CHECK SSL_CTX *secure_new(const char *ca_file, const char **why);

/* Accepts NULL. */
void secure_free(SSL_CTX *tls);

/* TLS begins on a connection that hiredis has begun. The certificate must be
 * of `host`, a name or an address. Returns NULL and the session, which is there
 * as long as hiredis' context; or what is wrong. */
const char *secure_begin(struct redisContext *redis, SSL_CTX *tls,
                         const char *host, SSL **session);

/* Why TLS has failed, which hiredis does not say; NULL: it has not. */
const char *secure_fault(SSL *session);

#endif
