/* SPDX-License-Identifier: MIT
 * TLS to a Redis, where hiredis can do it.
 *
 * hiredis can make a context by itself, but then it takes the certificate of
 * anybody that an authority knows: the name is not compared. So the session is
 * made here. */
#include "redis/secure.h"

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#ifdef HAVE_HIREDIS_SSL
#include <hiredis/hiredis_ssl.h>
#endif

bool secure_possible(void) {
#ifdef HAVE_HIREDIS_SSL
  return true;
#else
  return false;
#endif
}

SSL_CTX *secure_new(const char *ca_file, const char **why) {
  SSL_CTX *tls = NULL;
  *why = "OpenSSL has no memory";
  if (!secure_possible())
    *why = "rediss://: this Perigee was built with a hiredis that has no TLS "
           "(Debian 12 has 0.14.1): use redis:// on a private network or "
           "through stunnel, or build it where libhiredis 1.0 or later is";
  else
    tls = SSL_CTX_new(TLS_client_method());
  if (!tls)
    return NULL;
  SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
  SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
  int ok = ca_file && *ca_file
               ? SSL_CTX_load_verify_locations(tls, ca_file, NULL)
               : SSL_CTX_set_default_verify_paths(tls);
  *why = ok == 1 ? NULL : "redis.ca_file: there are no certificates in it";
  if (ok == 1)
    return tls;
  SSL_CTX_free(tls);
  return NULL;
}

void secure_free(SSL_CTX *tls) {
  SSL_CTX_free(tls);
}

static void expect_host(SSL *session, const char *host) {
  unsigned char address[sizeof(struct in6_addr)];
  if (inet_pton(AF_INET, host, address) == 1 ||
      inet_pton(AF_INET6, host, address) == 1) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host);
  } else {
    SSL_set1_host(session, host);
    SSL_set_tlsext_host_name(session, host);
  }
}

/* The session belongs to hiredis then, if it takes it. */
static int give_session(struct redisContext *redis, SSL *session) {
#ifdef HAVE_HIREDIS_SSL
  return redisInitiateSSL(redis, session);
#else
  (void)redis;
  (void)session;
  return REDIS_ERR;
#endif
}

const char *secure_begin(struct redisContext *redis, SSL_CTX *tls,
                         const char *host, SSL **session) {
  *session = SSL_new(tls);
  if (!*session)
    return "OpenSSL has no memory";
  expect_host(*session, host);
  if (give_session(redis, *session) == REDIS_OK)
    return NULL;
  SSL_free(*session);
  *session = NULL;
  return redis->errstr[0] ? redis->errstr : "TLS does not begin";
}

const char *secure_fault(SSL *session) {
  long verdict = session ? SSL_get_verify_result(session) : X509_V_OK;
  if (verdict != X509_V_OK)
    return X509_verify_cert_error_string(verdict);
  return session && !SSL_is_init_finished(session)
             ? "the TLS handshake failed: is it a TLS port?"
             : NULL;
}
