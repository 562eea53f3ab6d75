/* SPDX-License-Identifier: MIT
 * Session tickets. */
#include "edge/tickets.h"

#include "base/log.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum {
  NAME_BYTES = 16, /* OpenSSL's */
  KEY_BYTES = 32,
  SESSION_S = 2 * 3600,      /* so long a session can be resumed */
  KEY_MS = 1000 * SESSION_S, /* so long a key seals; and opens, once more */
};

struct key {
  unsigned char name[NAME_BYTES], cipher[KEY_BYTES], mac[KEY_BYTES];
  bool made;
};

/* There is one OpenSSL in a process, and it asks for keys without saying for
 * whom: they are the process's, behind a lock. */
static struct {
  uv_once_t once;
  uv_mutex_t lock;
  struct key current, before;
  uint64_t made_ms;
  EVP_CIPHER *aes; /* looked for once: by name, that takes a lock and more */
} keys = {.once = UV_ONCE_INIT};

static void init_ticket_keys(void) {
  uv_mutex_init(&keys.lock);
  keys.aes = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
  if (!keys.aes) {
    log_error("OpenSSL has no AES-256-CBC");
    abort();
  }
}

static void make_ticket_key(struct key *key) {
  if (RAND_bytes(key->name, sizeof key->name) != 1 ||
      RAND_priv_bytes(key->cipher, sizeof key->cipher) != 1 ||
      RAND_priv_bytes(key->mac, sizeof key->mac) != 1) {
    log_error("OpenSSL has no random numbers");
    abort();
  }
  key->made = true;
}

static void rotate_ticket_keys(void) {
  uint64_t now_ms = uv_hrtime() / 1000000;
  uint64_t age_ms = now_ms - keys.made_ms;
  if (keys.current.made && age_ms < KEY_MS)
    return;
  if (age_ms < 2 * KEY_MS)
    keys.before = keys.current;
  else /* nobody came for long: what it sealed has ended */
    OPENSSL_cleanse(&keys.before, sizeof keys.before);
  make_ticket_key(&keys.current);
  keys.made_ms = now_ms;
}

/* Copies the key of that name, or the one that seals (NULL). Whether it is an
 * old one is told in `old`. */
static bool get_ticket_key(const unsigned char *name, struct key *out,
                           bool *old) {
  bool found = true;
  *old = false;
  uv_mutex_lock(&keys.lock);
  rotate_ticket_keys();
  if (!name || !memcmp(name, keys.current.name, NAME_BYTES)) {
    *out = keys.current;
  } else if (keys.before.made && !memcmp(name, keys.before.name, NAME_BYTES)) {
    *out = keys.before;
    *old = true;
  } else {
    found = false;
  }
  uv_mutex_unlock(&keys.lock);
  return found;
}

static bool set_mac(EVP_MAC_CTX *mac, struct key *key) {
  static char digest[] = "SHA256";
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac,
                                        sizeof key->mac),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* SSL_CTX_set_tlsext_ticket_key_evp_cb(3) says what the numbers mean. In TLS
 * 1.3 each ticket is good for one connection (RFC 8446, C.4: else who listens
 * sees that two are of the same client), so clients throw it away: with each
 * that is used comes the next one. */
static int on_ticket(SSL *tls, unsigned char *name, unsigned char *iv,
                     EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seals) {
  enum { FAILED = -1, UNKNOWN, GOOD, GOOD_ONCE };
  struct key key;
  bool old;
  int result = FAILED;
  if (!get_ticket_key(seals ? NULL : name, &key, &old))
    return UNKNOWN;
  if (seals) {
    memcpy(name, key.name, NAME_BYTES);
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(keys.aes)) == 1 &&
        EVP_EncryptInit_ex(cipher, keys.aes, NULL, key.cipher, iv) == 1 &&
        set_mac(mac, &key))
      result = GOOD;
  } else if (EVP_DecryptInit_ex(cipher, keys.aes, NULL, key.cipher, iv) == 1 &&
             set_mac(mac, &key)) {
    result = old || SSL_version(tls) >= TLS1_3_VERSION ? GOOD_ONCE : GOOD;
  }
  OPENSSL_cleanse(&key, sizeof key);
  return result;
}

void tickets_use(SSL_CTX *ctx) {
  static const unsigned char context[] = "perigee";
  uv_once(&keys.once, init_ticket_keys);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_session_id_context(ctx, context, sizeof context - 1);
  SSL_CTX_set_timeout(ctx, SESSION_S);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
}
