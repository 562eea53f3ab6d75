/* SPDX-License-Identifier: MIT
 * A key that signatures of tokens are verified with. */
#include "auth/sigkey.h"

#include "base/mem.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdatomic.h>
#include <string.h>

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 16384 };

enum kind { KIND_HS, KIND_RS, KIND_ES, KIND_PS, KIND_ED };

struct algorithm {
  const char *name;
  enum kind kind;
  const char *hash;  /* NULL: the algorithm has its own */
  const char *group; /* curve of ES; NULL for the others */
  size_t half;       /* bytes of one of the two numbers of an ES signature */
};

static const struct algorithm algorithms[] = {
    [JWT_HS256] = {"HS256", KIND_HS, "SHA256", NULL, 0},
    [JWT_HS384] = {"HS384", KIND_HS, "SHA384", NULL, 0},
    [JWT_HS512] = {"HS512", KIND_HS, "SHA512", NULL, 0},
    [JWT_RS256] = {"RS256", KIND_RS, "SHA256", NULL, 0},
    [JWT_RS384] = {"RS384", KIND_RS, "SHA384", NULL, 0},
    [JWT_RS512] = {"RS512", KIND_RS, "SHA512", NULL, 0},
    [JWT_ES256] = {"ES256", KIND_ES, "SHA256", "prime256v1", 32},
    [JWT_ES384] = {"ES384", KIND_ES, "SHA384", "secp384r1", 48},
    [JWT_ES512] = {"ES512", KIND_ES, "SHA512", "secp521r1", 66},
    [JWT_PS256] = {"PS256", KIND_PS, "SHA256", NULL, 0},
    [JWT_PS384] = {"PS384", KIND_PS, "SHA384", NULL, 0},
    [JWT_PS512] = {"PS512", KIND_PS, "SHA512", NULL, 0},
    [JWT_EdDSA] = {"EdDSA", KIND_ED, NULL, NULL, 0},
};

/* A context for the next token, which threads take from each other; NULL: one
 * has it, or none was made yet. */
struct ready {
  _Atomic(EVP_MAC_CTX *) mac;
};

struct sigkey {
  char *id; /* NULL: none */
  uint32_t algorithms;
  EVP_PKEY *pkey;      /* NULL: a secret */
  EVP_MAC_CTX *mac;    /* has hashed the secret, and is copied */
  struct ready *ready; /* such a copy; NULL: they can be used only once */
};

const char *jwt_algorithm_name(enum jwt_algorithm algorithm) {
  return algorithms[algorithm].name;
}

bool jwt_algorithm_find(const char *name, size_t len,
                        enum jwt_algorithm *algorithm) {
  for (int i = 0; i < JWT_ALGORITHM_COUNT; i++)
    if (strlen(algorithms[i].name) == len &&
        memcmp(algorithms[i].name, name, len) == 0) {
      *algorithm = (enum jwt_algorithm)i;
      return true;
    }
  return false;
}

/* ---- making ---- */

static struct sigkey *new_key(uint32_t bits) {
  struct sigkey *key = mem_alloc(sizeof *key);
  key->algorithms = bits;
  return key;
}

/* To look an algorithm up by its name takes OpenSSL 3 longer than to use it. */
static EVP_MAC_CTX *new_mac(const struct algorithm *algorithm,
                            const void *secret, size_t len) {
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                       (char *)algorithm->hash, 0),
      OSSL_PARAM_construct_end(),
  };
  EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
  EVP_MAC_CTX *mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
  EVP_MAC_free(hmac); /* the context holds it */
  if (mac && EVP_MAC_init(mac, secret, len, params) == 1)
    return mac;
  EVP_MAC_CTX_free(mac);
  return NULL;
}

static bool hash_text(EVP_MAC_CTX *mac, const char *text, size_t len,
                      unsigned char out[EVP_MAX_MD_SIZE], size_t *out_len) {
  return EVP_MAC_update(mac, (const unsigned char *)text, len) == 1 &&
         EVP_MAC_final(mac, out, out_len, EVP_MAX_MD_SIZE) == 1;
}

/* Whether a context begins again with the same key when it is told to: not in
 * each release of OpenSSL 3. */
static bool begins_again(const EVP_MAC_CTX *model) {
  unsigned char first[EVP_MAX_MD_SIZE], second[EVP_MAX_MD_SIZE];
  size_t first_len = 0, second_len = 0;
  EVP_MAC_CTX *mac = EVP_MAC_CTX_dup(model);
  bool same = mac && hash_text(mac, "a", 1, first, &first_len) &&
              EVP_MAC_init(mac, NULL, 0, NULL) == 1 &&
              hash_text(mac, "a", 1, second, &second_len) &&
              first_len == second_len && !memcmp(first, second, first_len);
  EVP_MAC_CTX_free(mac);
  ERR_clear_error();
  return same;
}

struct sigkey *sigkey_secret(enum jwt_algorithm algorithm, const void *secret,
                             size_t len, struct buf *error) {
  const struct algorithm *row = &algorithms[algorithm];
  if (len == 0 || row->kind != KIND_HS) {
    buf_puts(error, "the secret is empty");
    return NULL;
  }
  struct sigkey *key = new_key(JWT_BIT(algorithm));
  key->mac = new_mac(row, secret, len);
  if (key->mac) {
    key->ready = begins_again(key->mac) ? mem_alloc(sizeof *key->ready) : NULL;
    return key;
  }
  buf_printf(error, "OpenSSL has no HMAC with %s", row->hash);
  sigkey_free(key);
  return NULL;
}

static bool on_curve(const EVP_PKEY *pkey, const struct algorithm *algorithm) {
  char group[64];
  size_t len;
  return EVP_PKEY_is_a(pkey, "EC") &&
         EVP_PKEY_get_group_name(pkey, group, sizeof group, &len) &&
         strcmp(group, algorithm->group) == 0;
}

static bool fits_algorithm(const EVP_PKEY *pkey,
                           const struct algorithm *algorithm) {
  switch (algorithm->kind) {
  case KIND_RS:
    return EVP_PKEY_is_a(pkey, "RSA");
  case KIND_PS:
    return EVP_PKEY_is_a(pkey, "RSA") || EVP_PKEY_is_a(pkey, "RSA-PSS");
  case KIND_ES:
    return on_curve(pkey, algorithm);
  case KIND_ED:
    return EVP_PKEY_is_a(pkey, "ED25519") || EVP_PKEY_is_a(pkey, "ED448");
  case KIND_HS:
    break;
  }
  return false;
}

static const char *need_of(const struct algorithm *algorithm) {
  switch (algorithm->kind) {
  case KIND_RS:
  case KIND_PS:
    return "an RSA key";
  case KIND_ES:
    return "a key on the curve ";
  case KIND_ED:
    return "an Ed25519 or Ed448 key";
  case KIND_HS:
    break;
  }
  return "a secret";
}

static void put_need(struct buf *error, uint32_t bits) {
  for (int i = 0; i < JWT_ALGORITHM_COUNT; i++)
    if (bits & JWT_BIT(i)) {
      const char *group = algorithms[i].group;
      buf_printf(error, "%s needs %s%s", algorithms[i].name,
                 need_of(&algorithms[i]), group ? group : "");
      return;
    }
  buf_puts(error, "no algorithm is allowed for it");
}

struct sigkey *sigkey_public_take(EVP_PKEY *pkey, uint32_t bits,
                                  struct buf *error) {
  uint32_t fitting = 0;
  for (int i = 0; i < JWT_ALGORITHM_COUNT; i++)
    if (bits & JWT_BIT(i) && fits_algorithm(pkey, &algorithms[i]))
      fitting |= JWT_BIT(i);
  bool rsa = EVP_PKEY_is_a(pkey, "RSA") || EVP_PKEY_is_a(pkey, "RSA-PSS");
  int size = EVP_PKEY_get_bits(pkey);
  if (!fitting) {
    put_need(error, bits);
  } else if (rsa && (size < RSA_BITS_MIN || size > RSA_BITS_MAX)) {
    buf_printf(error, "the RSA key has %d bits, at least %d are needed", size,
               RSA_BITS_MIN);
  } else {
    struct sigkey *key = new_key(fitting);
    key->pkey = pkey;
    return key;
  }
  EVP_PKEY_free(pkey);
  return NULL;
}

void sigkey_set_id(struct sigkey *key, const char *id) {
  mem_free(key->id);
  key->id = mem_strdup(id);
}

const char *sigkey_id(const struct sigkey *key) {
  return key->id;
}

uint32_t sigkey_algorithms(const struct sigkey *key) {
  return key->algorithms;
}

void sigkey_free(struct sigkey *key) {
  if (!key)
    return;
  EVP_PKEY_free(key->pkey);
  EVP_MAC_CTX_free(key->mac);
  if (key->ready)
    EVP_MAC_CTX_free(atomic_load(&key->ready->mac));
  mem_free(key->ready);
  mem_free(key->id);
  mem_free(key);
}

/* ---- verifying ---- */

/* To copy a context and free it takes as long as to hash a token. */
static EVP_MAC_CTX *take_mac(const struct sigkey *key) {
  EVP_MAC_CTX *mac =
      key->ready ? atomic_exchange(&key->ready->mac, NULL) : NULL;
  if (mac && EVP_MAC_init(mac, NULL, 0, NULL) == 1)
    return mac;
  EVP_MAC_CTX_free(mac);
  return EVP_MAC_CTX_dup(key->mac);
}

static void put_mac(const struct sigkey *key, EVP_MAC_CTX *mac) {
  if (key->ready)
    mac = atomic_exchange(&key->ready->mac, mac);
  EVP_MAC_CTX_free(mac);
}

static bool hmac_matches(const struct sigkey *key, const char *text, size_t len,
                         const unsigned char *given, size_t given_len) {
  unsigned char right[EVP_MAX_MD_SIZE];
  size_t right_len = 0;
  EVP_MAC_CTX *mac = take_mac(key);
  bool hashed = mac && hash_text(mac, text, len, right, &right_len);
  if (hashed)
    put_mac(key, mac);
  else
    EVP_MAC_CTX_free(mac);
  return hashed && given_len == right_len &&
         CRYPTO_memcmp(given, right, right_len) == 0;
}

/* RFC 7518, 3.4: the two numbers side by side. OpenSSL wants them in DER, to
 * be freed with OPENSSL_free. */
static unsigned char *to_der(const unsigned char *signature, size_t half,
                             size_t *len) {
  unsigned char *der = NULL;
  ECDSA_SIG *pair = ECDSA_SIG_new();
  BIGNUM *r = BN_bin2bn(signature, (int)half, NULL);
  BIGNUM *s = BN_bin2bn(signature + half, (int)half, NULL);
  if (pair && r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
    r = s = NULL; /* they are the pair's */
    int n = i2d_ECDSA_SIG(pair, &der);
    *len = n > 0 ? (size_t)n : 0;
  }
  BN_free(r);
  BN_free(s);
  ECDSA_SIG_free(pair);
  return der;
}

static bool set_padding(EVP_PKEY_CTX *ctx, const struct algorithm *algorithm) {
  if (algorithm->kind != KIND_PS)
    return true;
  return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

static bool public_matches(EVP_PKEY *pkey, const struct algorithm *algorithm,
                           const char *text, size_t len,
                           const unsigned char *signature,
                           size_t signature_len) {
  EVP_PKEY_CTX *ctx = NULL; /* belongs to `md` */
  EVP_MD_CTX *md = EVP_MD_CTX_new();
  bool ok = md &&
            EVP_DigestVerifyInit_ex(md, &ctx, algorithm->hash, NULL, NULL, pkey,
                                    NULL) == 1 &&
            set_padding(ctx, algorithm) &&
            EVP_DigestVerify(md, signature, signature_len,
                             (const unsigned char *)text, len) == 1;
  EVP_MD_CTX_free(md);
  ERR_clear_error(); /* TLS code on this thread must not find ours */
  return ok;
}

static bool pair_matches(const struct sigkey *key,
                         const struct algorithm *algorithm, const char *text,
                         size_t len, const unsigned char *signature) {
  size_t der_len = 0;
  unsigned char *der = to_der(signature, algorithm->half, &der_len);
  bool ok =
      der && public_matches(key->pkey, algorithm, text, len, der, der_len);
  OPENSSL_free(der);
  return ok;
}

bool sigkey_verify(const struct sigkey *key, enum jwt_algorithm algorithm,
                   const char *text, size_t len, const unsigned char *signature,
                   size_t signature_len, const char **why) {
  const struct algorithm *row = &algorithms[algorithm];
  bool ok = false;
  *why = "the signature does not match";
  if (!(key->algorithms & JWT_BIT(algorithm)))
    *why = "the algorithm is not one of this key";
  else if (key->mac)
    ok = hmac_matches(key, text, len, signature, signature_len);
  else if (row->kind == KIND_ES && signature_len != 2 * row->half)
    *why = "the signature has not the length that its algorithm has";
  else if (row->kind == KIND_ES)
    ok = pair_matches(key, row, text, len, signature);
  else
    ok = public_matches(key->pkey, row, text, len, signature, signature_len);
  if (ok)
    *why = NULL;
  return ok;
}

size_t sigkey_sign(EVP_PKEY *pkey, enum jwt_algorithm algorithm,
                   const char *text, size_t len,
                   unsigned char signature[SIGKEY_SIGNATURE_BYTES]) {
  const struct algorithm *row = &algorithms[algorithm];
  size_t size = SIGKEY_SIGNATURE_BYTES;
  EVP_PKEY_CTX *ctx = NULL;
  EVP_MD_CTX *md = EVP_MD_CTX_new();
  bool ok =
      (row->kind == KIND_PS || row->kind == KIND_ED) && md &&
      EVP_DigestSignInit_ex(md, &ctx, row->hash, NULL, NULL, pkey, NULL) == 1 &&
      set_padding(ctx, row) &&
      EVP_DigestSign(md, signature, &size, (const unsigned char *)text, len) ==
          1;
  EVP_MD_CTX_free(md);
  ERR_clear_error();
  return ok ? size : 0;
}
