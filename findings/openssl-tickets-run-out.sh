#!/bin/sh
# SPDX-License-Identifier: MIT
# OpenSSL 3.0, TLS 1.3: a server that has its own ticket keys (by
# SSL_CTX_set_tlsext_ticket_key_evp_cb, whose callback says 1: the ticket is
# good) sends no new ticket on a connection that was resumed. With the library's
# keys it sends one. Guess: two each time, as after a full handshake, or at
# least the same in both cases. A client that uses each ticket once, as RFC 8446
# (C.4) wants it, comes back twice, and then has a full handshake. The callback
# has to say 2 (good, and a new one) of each ticket.
. "$(dirname "$0")/lib/findings.sh"
debian gcc libc6-dev libssl-dev openssl
cat >"$folder/tickets.c" <<'END'
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int good = 1; /* what the callback says of a ticket that it knows */
static SSL_SESSION *saved[8];
static int count;

static int on_ticket(SSL *tls, unsigned char *name, unsigned char *iv,
                     EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seals)
{
  static unsigned char key[32] = "thirty-two bytes, always same...";
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key, sizeof key),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0),
      OSSL_PARAM_construct_end()};
  (void)tls;
  if (seals) {
    memset(name, 7, 16);
    memset(iv, 9, 16);
  }
  EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key, iv, seals);
  EVP_MAC_CTX_set_params(mac, params);
  return seals ? 1 : good;
}

static int on_session(SSL *tls, SSL_SESSION *session)
{
  (void)tls;
  saved[count++] = session;
  return 1;
}

/* How many tickets the client gets. */
static int connect_once(SSL_CTX *server, SSL_CTX *client, SSL_SESSION *with)
{
  SSL *a = SSL_new(server), *b = SSL_new(client);
  BIO *one, *other;
  char byte;
  BIO_new_bio_pair(&one, 0, &other, 0);
  SSL_set_bio(a, one, one);
  SSL_set_bio(b, other, other);
  SSL_set_accept_state(a);
  SSL_set_connect_state(b);
  if (with)
    SSL_set_session(b, with);
  count = 0;
  for (int i = 0; i < 10; i++) {
    SSL_do_handshake(b);
    SSL_do_handshake(a);
  }
  SSL_write(a, "x", 1);
  SSL_read(b, &byte, 1);
  printf("%s: %d\n", SSL_session_reused(b) ? "resumed" : "full", count);
  SSL_free(a);
  SSL_free(b);
  return count;
}

int main(int argc, char **argv)
{
  SSL_CTX *server = SSL_CTX_new(TLS_server_method());
  SSL_CTX *client = SSL_CTX_new(TLS_client_method());
  SSL_CTX_use_certificate_file(server, argv[1], SSL_FILETYPE_PEM);
  SSL_CTX_use_PrivateKey_file(server, argv[2], SSL_FILETYPE_PEM);
  SSL_CTX_set_session_cache_mode(client, SSL_SESS_CACHE_CLIENT);
  SSL_CTX_sess_set_new_cb(client, on_session);
  if (argc > 3) {
    good = atoi(argv[3]);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(server, on_ticket);
  }
  connect_once(server, client, NULL);
  connect_once(server, client, saved[0]);
  return 0;
}
END
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
  -keyout "$folder/key" -out "$folder/cert" -subj /CN=localhost -days 2 \
  2>/dev/null
cc -w -o "$folder/tickets" "$folder/tickets.c" -lssl -lcrypto
tickets() {
  "$folder/tickets" "$folder/cert" "$folder/key" "$@"
}
tickets | expect 'tickets, with keys of the library' 'full: 2
resumed: 1'
tickets 1 | expect 'with its own keys, 1 said of a ticket' 'full: 2
resumed: 0'
tickets 2 | expect 'with its own keys, 2 said' 'full: 2
resumed: 1'
