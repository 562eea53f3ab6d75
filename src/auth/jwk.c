/* SPDX-License-Identifier: MIT
 * Keys from JSON Web Key Sets (RFC 7517, 7518, 8037). */
#include "auth/base64url.h"
#include "auth/keyset.h"

#include "base/err.h"
#include "base/mem.h"

#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <string.h>

enum { NUMBER_BYTES = 2048, ID_BYTES = 256 };

/* A member that is base64 of bytes; their number, or -1. */
static int bytes_of(const json_t *jwk, const char *name,
                    unsigned char out[NUMBER_BYTES]) {
  const char *text = json_string_value(json_object_get(jwk, name));
  size_t len = text ? strlen(text) : 0;
  if (len == 0 || len > NUMBER_BYTES)
    return -1;
  return base64url_decode(text, len, out);
}

static const char *string_member(const json_t *jwk, const char *name) {
  const char *text = json_string_value(json_object_get(jwk, name));
  return text ? text : "";
}

/* ---- public keys ---- */

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *build) {
  EVP_PKEY *pkey = NULL;
  OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
  EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
  if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
      EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
    pkey = NULL;
  EVP_PKEY_CTX_free(ctx);
  OSSL_PARAM_free(params);
  return pkey;
}

static EVP_PKEY *rsa_key(const json_t *jwk) {
  unsigned char n[NUMBER_BYTES], e[NUMBER_BYTES];
  int n_len = bytes_of(jwk, "n", n), e_len = bytes_of(jwk, "e", e);
  if (n_len <= 0 || e_len <= 0)
    return NULL;
  EVP_PKEY *pkey = NULL;
  BIGNUM *modulus = BN_bin2bn(n, n_len, NULL);
  BIGNUM *exponent = BN_bin2bn(e, e_len, NULL);
  OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
  if (modulus && exponent && build &&
      OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
      OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
    pkey = from_params("RSA", build);
  OSSL_PARAM_BLD_free(build);
  BN_free(modulus);
  BN_free(exponent);
  return pkey;
}

struct curve {
  const char *name, *group;
  int len; /* bytes of a coordinate */
};

static const struct curve *find_curve(const char *name) {
  static const struct curve curves[] = {{"P-256", "prime256v1", 32},
                                        {"P-384", "secp384r1", 48},
                                        {"P-521", "secp521r1", 66}};
  for (size_t i = 0; i < ARRAY_SIZE(curves); i++)
    if (!strcmp(curves[i].name, name))
      return &curves[i];
  return NULL;
}

/* Whether the point is on the curve, among other things. */
static EVP_PKEY *checked(EVP_PKEY *pkey) {
  EVP_PKEY_CTX *ctx = pkey ? EVP_PKEY_CTX_new(pkey, NULL) : NULL;
  bool ok = ctx && EVP_PKEY_public_check(ctx) == 1;
  EVP_PKEY_CTX_free(ctx);
  if (ok)
    return pkey;
  EVP_PKEY_free(pkey);
  return NULL;
}

static EVP_PKEY *ec_key(const json_t *jwk) {
  const struct curve *curve = find_curve(string_member(jwk, "crv"));
  unsigned char x[NUMBER_BYTES], y[NUMBER_BYTES], point[1 + 2 * 66] = {4};
  if (!curve || bytes_of(jwk, "x", x) != curve->len ||
      bytes_of(jwk, "y", y) != curve->len)
    return NULL;
  memcpy(point + 1, x, (size_t)curve->len);
  memcpy(point + 1 + curve->len, y, (size_t)curve->len);
  EVP_PKEY *pkey = NULL;
  OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
  if (build &&
      OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME,
                                      curve->group, 0) == 1 &&
      OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point,
                                       1 + 2 * (size_t)curve->len) == 1)
    pkey = from_params("EC", build);
  OSSL_PARAM_BLD_free(build);
  return checked(pkey);
}

static EVP_PKEY *ed_key(const json_t *jwk) {
  const char *curve = string_member(jwk, "crv");
  unsigned char x[NUMBER_BYTES];
  int len = bytes_of(jwk, "x", x);
  if (len <= 0 ||
      (strcmp(curve, "Ed25519") != 0 && strcmp(curve, "Ed448") != 0))
    return NULL;
  return EVP_PKEY_new_raw_public_key_ex(NULL, curve, NULL, x, (size_t)len);
}

static EVP_PKEY *public_key(const json_t *jwk, const char *type) {
  if (!strcmp(type, "RSA"))
    return rsa_key(jwk);
  if (!strcmp(type, "EC"))
    return ec_key(jwk);
  return strcmp(type, "OKP") == 0 ? ed_key(jwk) : NULL;
}

/* ---- secrets ---- */

/* An HMAC key shorter than its hash is weaker than it says. */
static size_t secret_bytes(enum jwt_algorithm algorithm) {
  return algorithm == JWT_HS256 ? 32 : algorithm == JWT_HS384 ? 48 : 64;
}

static struct sigkey *secret_key(const json_t *jwk, uint32_t algorithms,
                                 const struct jwks_rules *rules,
                                 struct buf *why) {
  unsigned char secret[NUMBER_BYTES];
  struct sigkey *key = NULL;
  enum jwt_algorithm algorithm = rules->of_secrets;
  for (int i = JWT_HS256; i <= JWT_HS512; i++)
    if (algorithms == JWT_BIT(i))
      algorithm = (enum jwt_algorithm)i;
  int len = bytes_of(jwk, "k", secret);
  if (!rules->secrets)
    buf_puts(why, "a secret does not belong where all can read it");
  else if (!(algorithms & JWT_BIT(algorithm)) || !jwt_is_hmac(algorithm))
    buf_puts(why, "its algorithm is none for a secret");
  else if (len < (int)secret_bytes(algorithm))
    buf_printf(why, "%s needs a secret of %zu bytes in `k`, in base64",
               jwt_algorithm_name(algorithm), secret_bytes(algorithm));
  else
    key = sigkey_secret(algorithm, secret, (size_t)len, why);
  OPENSSL_cleanse(secret, sizeof secret);
  return key;
}

/* ---- sets ---- */

/* Whether the key is for signatures, as far as it says. */
static bool is_for_signatures(const json_t *jwk) {
  const json_t *use = json_object_get(jwk, "use"), *operation;
  const json_t *operations = json_object_get(jwk, "key_ops");
  size_t i;
  if (use && strcmp(string_member(jwk, "use"), "sig") != 0)
    return false;
  json_array_foreach(operations, i, operation) {
    const char *text = json_string_value(operation);
    if (text && (!strcmp(text, "verify") || !strcmp(text, "sign")))
      return true;
  }
  return !operations;
}

/* What the key says it is for: its `alg`, or all that its type allows. */
static uint32_t algorithms_of(const json_t *jwk, uint32_t allowed) {
  const char *name = string_member(jwk, "alg");
  enum jwt_algorithm algorithm;
  if (!*name)
    return allowed;
  if (!jwt_algorithm_find(name, strlen(name), &algorithm))
    return 0;
  return allowed & JWT_BIT(algorithm);
}

static struct sigkey *
read_jwk(const json_t *jwk, const struct jwks_rules *rules, struct buf *why) {
  const char *type = string_member(jwk, "kty");
  uint32_t algorithms = algorithms_of(jwk, rules->algorithms);
  if (!is_for_signatures(jwk))
    buf_puts(why, "it is not for signatures");
  else if (strlen(string_member(jwk, "kid")) > ID_BYTES)
    buf_puts(why, "its kid is too long");
  else if (!algorithms)
    buf_puts(why, "its alg is not allowed or not known");
  else if (!strcmp(type, "oct"))
    return secret_key(jwk, algorithms, rules, why);
  else {
    EVP_PKEY *pkey = public_key(jwk, type);
    ERR_clear_error();
    if (pkey)
      return sigkey_public_take(pkey, algorithms & ~JWT_BITS_HS, why);
    buf_puts(why, "its kty, crv or numbers are not those of a known key");
  }
  return NULL;
}

/* A key id comes from elsewhere: only what is harmless in a log line. */
static void put_key_label(struct buf *out, const json_t *jwk, size_t number) {
  const char *id = string_member(jwk, "kid");
  size_t len = strlen(id);
  buf_printf(out, "%skey %zu", out->len ? "; " : "", number);
  if (len > 0 && len <= 64 &&
      strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                 "0123456789-_.:=/+") == len)
    buf_printf(out, " (%s)", id);
  buf_puts(out, ": ");
}

static int add_jwk(struct keyset *set, const json_t *jwk, size_t number,
                   const struct jwks_rules *rules, struct buf *left_out) {
  struct buf why = {0};
  struct sigkey *key = read_jwk(jwk, rules, &why);
  const char *id = json_string_value(json_object_get(jwk, "kid"));
  int err = ERR_CONFIG;
  if (key) {
    sigkey_set_id(key, id);
    err = keyset_add_take(set, key);
    if (err)
      buf_printf(&why, "there are more than %d keys", KEYSET_KEYS);
  }
  if (err) {
    put_key_label(left_out, jwk, number);
    buf_put(left_out, why.data, why.len);
  }
  buf_free(&why);
  return err;
}

int keyset_add_jwks(struct keyset *set, const char *text, size_t len,
                    const struct jwks_rules *rules, struct buf *left_out,
                    struct buf *error) {
  json_t *root = json_loadb(text, len, 0, NULL), *keys, *jwk;
  size_t i, before = keyset_count(set), said = left_out->len;
  keys = json_object_get(root, "keys");
  if (!json_is_object(root))
    buf_puts(error, "this is no JSON object with keys");
  else if (!keys)
    (void)add_jwk(set, root, 1, rules, left_out);
  else if (!json_is_array(keys))
    buf_puts(error, "`keys` is no array");
  json_array_foreach(keys, i, jwk) {
    (void)add_jwk(set, jwk, i + 1, rules, left_out);
  }
  json_decref(root);
  if (keyset_count(set) > before)
    return 0;
  if (error->len == 0) {
    buf_puts(error, "there is no key of use in it");
    if (left_out->len > said)
      buf_printf(error, ": %.*s", (int)(left_out->len - said),
                 left_out->data + said);
  }
  return ERR_CONFIG;
}
