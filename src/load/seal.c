/* SPDX-License-Identifier: MIT
 * TLS for the peers of the generator. */
#include "load/seal.h"

#include "base/err.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

enum { KEEP_BYTES = 64 * 1024 };

struct sealer {
  SSL_CTX *context;
};

struct seal {
  SSL *ssl;
  BIO *in, *out; /* of `ssl` */
};

const char *seal_why(void) {
  const char *why = ERR_reason_error_string(ERR_peek_error());
  return why ? why : "TLS failed";
}

struct sealer *sealer_new(struct buf *error) {
  struct sealer *sealer = mem_alloc(sizeof *sealer);
  ERR_clear_error();
  sealer->context = SSL_CTX_new(TLS_client_method());
  if (sealer->context)
    return sealer;
  buf_puts(error, seal_why());
  mem_free(sealer);
  return NULL;
}

void sealer_free(struct sealer *sealer) {
  if (!sealer)
    return;
  SSL_CTX_free(sealer->context);
  mem_free(sealer);
}

/* A name goes to the server, an address does not (RFC 6066, 3). */
static bool is_host_name(const char *host) {
  unsigned char ignored[sizeof(struct in6_addr)];
  return inet_pton(AF_INET, host, ignored) != 1 &&
         inet_pton(AF_INET6, host, ignored) != 1;
}

struct seal *seal_new(struct sealer *sealer, const char *host) {
  struct seal *seal = mem_alloc(sizeof *seal);
  seal->ssl = SSL_new(sealer->context);
  seal->in = BIO_new(BIO_s_mem());
  seal->out = BIO_new(BIO_s_mem());
  if (!seal->ssl || !seal->in || !seal->out) {
    SSL_free(seal->ssl);
    BIO_free(seal->in);
    BIO_free(seal->out);
    mem_free(seal);
    return NULL;
  }
  SSL_set_bio(seal->ssl, seal->in, seal->out); /* which frees them */
  SSL_set_connect_state(seal->ssl);
  if (is_host_name(host))
    SSL_set_tlsext_host_name(seal->ssl, host);
  return seal;
}

void seal_free(struct seal *seal) {
  if (!seal)
    return;
  SSL_free(seal->ssl);
  mem_free(seal);
}

void seal_receive(struct seal *seal, const char *bytes, size_t len) {
  BIO_write(seal->in, bytes, (int)len); /* grows as it must */
}

int seal_open(struct seal *seal, char *out, int cap) {
  ERR_clear_error();
  int n = SSL_read(seal->ssl, out, cap);
  if (n > 0)
    return n;
  int why = SSL_get_error(seal->ssl, n);
  return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_ZERO_RETURN
             ? 0
             : ERR_SYSTEM;
}

void seal_close(struct seal *seal, struct buf *plain, struct buf *wire) {
  ERR_clear_error();
  if (!SSL_is_init_finished(seal->ssl))
    SSL_do_handshake(seal->ssl); /* an error shows in seal_open */
  /* A memory BIO takes everything at once. */
  if (SSL_is_init_finished(seal->ssl) && plain->len > 0 &&
      SSL_write(seal->ssl, plain->data, (int)plain->len) > 0)
    buf_reset(plain, KEEP_BYTES);
  size_t waiting = BIO_ctrl_pending(seal->out);
  if (waiting == 0)
    return;
  int n = BIO_read(seal->out, buf_reserve(wire, waiting), (int)waiting);
  if (n > 0)
    wire->len += (size_t)n;
}
