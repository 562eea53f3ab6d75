/* SPDX-License-Identifier: MIT
 * A token checked against a key and a clock.
 *
 * Order of a check: form and size, the header (algorithm), the signature, and
 * only then the claims, so that nothing unsigned is believed.
 *
 * libjwt signs, and verifies RS and ES. HMACs are verified here, because some
 * releases of libjwt compare them with strcmp (CVE-2024-25189): its duration
 * tells how many leading characters of a forged signature are right. libjwt
 * would also take the algorithm from the token, and looks at no claim. */
#include "auth/jwt.h"

#include "base/err.h"
#include "base/mem.h"

#include <jansson.h>
#include <jwt.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RSA_BITS_MIN = 2048 };

/* The header that nearly every library writes, and its length in base64. */
#define USUAL_HEADER "{\"alg\":\"%s\",\"typ\":\"JWT\"}"
enum { HEADER_CHARS = 36 };

/* Numeric dates past this are not seconds any more. */
static const int64_t time_max = (int64_t)1 << 53;

struct algorithm {
  const char *name;
  jwt_alg_t libjwt;
  const char *hash;  /* of HS; NULL for the others */
  const char *group; /* curve of ES; NULL for the others */
};

static const struct algorithm algorithms[] = {
    [JWT_HS256] = {"HS256", JWT_ALG_HS256, "SHA256", NULL},
    [JWT_HS384] = {"HS384", JWT_ALG_HS384, "SHA384", NULL},
    [JWT_HS512] = {"HS512", JWT_ALG_HS512, "SHA512", NULL},
    [JWT_RS256] = {"RS256", JWT_ALG_RS256, NULL, NULL},
    [JWT_RS384] = {"RS384", JWT_ALG_RS384, NULL, NULL},
    [JWT_RS512] = {"RS512", JWT_ALG_RS512, NULL, NULL},
    [JWT_ES256] = {"ES256", JWT_ALG_ES256, NULL, "prime256v1"},
    [JWT_ES384] = {"ES384", JWT_ALG_ES384, NULL, "secp384r1"},
    [JWT_ES512] = {"ES512", JWT_ALG_ES512, NULL, "secp521r1"},
};

struct jwt_key {
  const struct algorithm *algorithm;
  char *verify; /* secret or public PEM, then a zero byte */
  size_t verify_len;
  char *sign; /* secret or private PEM; NULL: can only verify */
  size_t sign_len;
  EVP_MAC_CTX *mac; /* of HS: has hashed the secret; is copied for each token */
  char header[HEADER_CHARS + 1]; /* that of most tokens, as it stands there */
  char *user_claim, *issuer, *audience; /* NULL: not named */
  int64_t leeway_s;
};

/* The parts of a token; they point into it. */
struct parts {
  const char *header, *payload, *signature;
  size_t header_len, payload_len, signature_len;
};

/* ---- keys ---- */

/* Without this OpenSSL would ask for a passphrase on the terminal. */
// NOLINTNEXTLINE(readability-non-const-parameter): OpenSSL gives the type
static int no_passphrase(char *text, int size, int writing, void *ctx) {
  (void)text, (void)size, (void)writing, (void)ctx;
  return -1;
}

static EVP_PKEY *parse_pem(const struct jwt_rules *rules, bool *private) {
  if (rules->len > INT_MAX)
    return NULL;
  BIO *bio = BIO_new_mem_buf(rules->key, (int)rules->len);
  EVP_PKEY *pkey =
      bio ? PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL) : NULL;
  *private = false;
  if (bio && !pkey && BIO_reset(bio) >= 0) {
    pkey = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    *private = pkey != NULL;
  }
  BIO_free(bio);
  ERR_clear_error(); /* of the attempts that failed */
  return pkey;
}

static bool fits(const EVP_PKEY *pkey, const struct algorithm *algorithm,
                 struct buf *error) {
  char group[64];
  size_t len;
  if (!algorithm->group && !EVP_PKEY_is_a(pkey, "RSA"))
    buf_printf(error, "%s needs an RSA key", algorithm->name);
  else if (!algorithm->group && EVP_PKEY_get_bits(pkey) < RSA_BITS_MIN)
    buf_printf(error, "the RSA key has %d bits, at least %d are needed",
               EVP_PKEY_get_bits(pkey), RSA_BITS_MIN);
  else if (algorithm->group &&
           (!EVP_PKEY_is_a(pkey, "EC") ||
            !EVP_PKEY_get_group_name(pkey, group, sizeof group, &len) ||
            strcmp(group, algorithm->group) != 0))
    buf_printf(error, "%s needs a key on the curve %s", algorithm->name,
               algorithm->group);
  else
    return true;
  return false;
}

static char *public_pem(const EVP_PKEY *pkey, size_t *len) {
  char *pem = NULL, *data;
  BIO *bio = BIO_new(BIO_s_mem());
  if (bio && PEM_write_bio_PUBKEY(bio, pkey) == 1) {
    *len = (size_t)BIO_get_mem_data(bio, &data);
    pem = mem_strndup(data, *len);
  }
  BIO_free(bio);
  return pem;
}

static int take_pem(struct jwt_key *key, const struct jwt_rules *rules,
                    struct buf *error) {
  bool private;
  int result = ERR_CONFIG;
  EVP_PKEY *pkey = parse_pem(rules, &private);
  if (!pkey) {
    buf_puts(error, "this is no PEM text of a public key");
    return ERR_CONFIG;
  }
  if (!fits(pkey, key->algorithm, error))
    goto out;
  key->verify = public_pem(pkey, &key->verify_len);
  if (!key->verify) {
    buf_puts(error, "the key cannot be used");
    goto out;
  }
  if (private) {
    key->sign = mem_strndup(rules->key, rules->len);
    key->sign_len = rules->len;
  }
  result = 0;
out:
  EVP_PKEY_free(pkey);
  return result;
}

/* To look an algorithm up by its name takes OpenSSL 3 longer than to use it. */
static EVP_MAC_CTX *new_mac(const struct jwt_key *key) {
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                       (char *)key->algorithm->hash, 0),
      OSSL_PARAM_construct_end(),
  };
  EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
  EVP_MAC_CTX *mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
  EVP_MAC_free(hmac); /* the context holds it */
  if (mac && EVP_MAC_init(mac, (const unsigned char *)key->verify,
                          key->verify_len, params) == 1)
    return mac;
  EVP_MAC_CTX_free(mac);
  return NULL;
}

static int take_secret(struct jwt_key *key, const struct jwt_rules *rules,
                       struct buf *error) {
  if (rules->len == 0 || rules->len > INT_MAX) {
    buf_puts(error, "the secret is empty");
    return ERR_CONFIG;
  }
  key->verify = mem_strndup(rules->key, rules->len);
  key->sign = mem_strndup(rules->key, rules->len);
  key->verify_len = key->sign_len = rules->len;
  key->mac = new_mac(key);
  if (key->mac)
    return 0;
  buf_printf(error, "OpenSSL has no HMAC with %s", key->algorithm->hash);
  return ERR_CONFIG;
}

/* As tokens have it: base64 of URLs, without padding. */
static void write_usual_header(struct jwt_key *key) {
  char text[HEADER_CHARS], base64[2 * HEADER_CHARS];
  int len = snprintf(text, sizeof text, USUAL_HEADER, key->algorithm->name);
  EVP_EncodeBlock((unsigned char *)base64, (const unsigned char *)text, len);
  for (int i = 0; i < HEADER_CHARS; i++)
    key->header[i] = base64[i] == '+'   ? '-'
                     : base64[i] == '/' ? '_'
                                        : base64[i];
}

static char *copy_name(const char *text) {
  return text && text[0] ? mem_strdup(text) : NULL;
}

struct jwt_key *jwt_key_new(const struct jwt_rules *rules, struct buf *error) {
  struct jwt_key *key = mem_alloc(sizeof *key);
  key->algorithm = &algorithms[rules->algorithm];
  int result = key->algorithm->hash ? take_secret(key, rules, error)
                                    : take_pem(key, rules, error);
  if (result < 0) {
    jwt_key_free(key);
    return NULL;
  }
  write_usual_header(key);
  key->user_claim = copy_name(rules->user_claim);
  key->issuer = copy_name(rules->issuer);
  key->audience = copy_name(rules->audience);
  key->leeway_s = rules->leeway_s;
  return key;
}

void jwt_key_free(struct jwt_key *key) {
  if (!key)
    return;
  if (key->verify)
    OPENSSL_cleanse(key->verify, key->verify_len);
  if (key->sign)
    OPENSSL_cleanse(key->sign, key->sign_len);
  EVP_MAC_CTX_free(key->mac);
  mem_free(key->verify);
  mem_free(key->sign);
  mem_free(key->user_claim);
  mem_free(key->issuer);
  mem_free(key->audience);
  mem_free(key);
}

const char *jwt_user_claim(const struct jwt_key *key) {
  return key->user_claim ? key->user_claim : "sub";
}

/* ---- form ---- */

static int split(const char *token, size_t len, struct parts *parts) {
  const char *end = token + len;
  const char *first = memchr(token, '.', len);
  if (!first)
    return ERR_INVALID_TOKEN;
  const char *second = memchr(first + 1, '.', (size_t)(end - first - 1));
  if (!second || memchr(second + 1, '.', (size_t)(end - second - 1)))
    return ERR_INVALID_TOKEN;
  *parts = (struct parts){.header = token,
                          .payload = first + 1,
                          .signature = second + 1,
                          .header_len = (size_t)(first - token),
                          .payload_len = (size_t)(second - first - 1),
                          .signature_len = (size_t)(end - second - 1)};
  return 0;
}

static int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* Base64 of URLs, without padding, as tokens have it: anything else is an
 * error. `out` has room for `len` bytes. Returns the bytes written, or -1. */
static int decode(const char *text, size_t len, unsigned char *out) {
  unsigned bits = 0, held = 0;
  int n = 0;
  for (size_t i = 0; i < len; i++) {
    int digit = base64_digit(text[i]);
    if (digit < 0)
      return -1;
    held = (held << 6 | (unsigned)digit) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[n++] = (unsigned char)(held >> bits);
    }
  }
  bool clean = bits < 6 && (held & ((1u << bits) - 1)) == 0;
  return clean ? n : -1;
}

/* A part of the token as a JSON object; `bytes` gets its text. */
static json_t *decode_object(const char *part, size_t len,
                             char bytes[JWT_TOKEN_BYTES + 1]) {
  int n = decode(part, len, (unsigned char *)bytes);
  if (n < 0)
    return NULL;
  bytes[n] = '\0';
  json_t *json = json_loadb(bytes, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
  if (json_is_object(json))
    return json;
  json_decref(json);
  return NULL;
}

/* Returns NULL, or why the header is refused. */
static const char *check_header(const struct jwt_key *key,
                                const struct parts *parts) {
  char text[JWT_TOKEN_BYTES + 1];
  if (parts->header_len == HEADER_CHARS &&
      !memcmp(parts->header, key->header, HEADER_CHARS))
    return NULL;
  json_t *header = decode_object(parts->header, parts->header_len, text);
  const char *alg = json_string_value(json_object_get(header, "alg"));
  const char *why = NULL;
  if (!header)
    why = "the header is not base64 of a JSON object";
  else if (!alg || strcmp(alg, key->algorithm->name) != 0)
    why = "the algorithm is not the configured one";
  else if (json_object_get(header, "crit"))
    why = "the header demands an extension"; /* RFC 7515, 4.1.11 */
  json_decref(header);
  return why;
}

/* ---- signature ---- */

static bool hmac_matches(const struct jwt_key *key, const char *token,
                         const struct parts *parts) {
  unsigned char given[JWT_TOKEN_BYTES], right[EVP_MAX_MD_SIZE];
  size_t right_len = 0, signed_len = (size_t)(parts->signature - token) - 1;
  int given_len = decode(parts->signature, parts->signature_len, given);
  EVP_MAC_CTX *mac = EVP_MAC_CTX_dup(key->mac);
  bool hashed =
      mac &&
      EVP_MAC_update(mac, (const unsigned char *)token, signed_len) == 1 &&
      EVP_MAC_final(mac, right, &right_len, sizeof right) == 1;
  EVP_MAC_CTX_free(mac);
  return hashed && given_len == (int)right_len &&
         CRYPTO_memcmp(given, right, right_len) == 0;
}

static bool pem_matches(const struct jwt_key *key, const char *token,
                        const struct parts *parts) {
  unsigned char signature[JWT_TOKEN_BYTES];
  jwt_t *jwt = NULL;
  if (decode(parts->signature, parts->signature_len, signature) <= 0)
    return false;
  bool ok = jwt_decode(&jwt, token, (const unsigned char *)key->verify,
                       (int)key->verify_len) == 0 &&
            jwt_get_alg(jwt) == key->algorithm->libjwt;
  jwt_free(jwt);
  ERR_clear_error(); /* TLS code on this thread must not find ours */
  return ok;
}

/* ---- claims ---- */

/* Reads a numeric date; false when it is there and is none. */
static bool read_time(const json_t *claims, const char *name, bool *there,
                      int64_t *seconds) {
  const json_t *value = json_object_get(claims, name);
  *there = value != NULL;
  if (json_is_integer(value)) {
    json_int_t n = json_integer_value(value);
    *seconds = n > time_max ? time_max : n < 0 ? 0 : n;
  } else if (json_is_real(value)) {
    double n = json_real_value(value);
    *seconds = n > (double)time_max ? time_max : n < 0 ? 0 : (int64_t)n;
  } else {
    return value == NULL;
  }
  return true;
}

static int check_times(const struct jwt_key *key, const json_t *claims,
                       int64_t now, struct jwt_claims *out) {
  bool ends, begins;
  int64_t begin = 0, end = 0;
  out->why = "exp or nbf is not a number";
  if (!read_time(claims, "exp", &ends, &end) ||
      !read_time(claims, "nbf", &begins, &begin))
    return ERR_INVALID_TOKEN;
  out->why = "not yet valid";
  if (begins && begin > now + key->leeway_s)
    return ERR_INVALID_TOKEN;
  out->why = "expired";
  if (ends && end <= now - key->leeway_s)
    return ERR_TOKEN_EXPIRED;
  out->expires = ends ? end : 0;
  return 0;
}

static bool equals(const json_t *value, const char *text) {
  return json_is_string(value) && strcmp(json_string_value(value), text) == 0;
}

static bool has_audience(const json_t *value, const char *audience) {
  size_t i;
  const json_t *item;
  json_array_foreach(value, i, item) {
    if (equals(item, audience))
      return true;
  }
  return equals(value, audience);
}

/* Control characters would let a user id break log lines and terminals. */
static bool has_control(const char *text) {
  for (const unsigned char *p = (const unsigned char *)text; *p; p++)
    if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0))
      return true;
  return false;
}

/* The user id as text, to be freed with mem_free; or NULL and out->why. */
static char *read_user(const struct jwt_key *key, const json_t *claims,
                       const char **why) {
  const json_t *value = json_object_get(claims, jwt_user_claim(key));
  char decimal[24];
  if (!value && !key->user_claim)
    value = json_object_get(claims, "id");
  const char *text = json_string_value(value);
  if (json_is_integer(value)) {
    snprintf(decimal, sizeof decimal, "%" JSON_INTEGER_FORMAT,
             json_integer_value(value));
    text = decimal;
  }
  if (!value)
    *why = "no claim that names the user";
  else if (!text)
    *why = "the user is neither a text nor an integer";
  else if (!text[0] || strlen(text) > JWT_USER_BYTES)
    *why = "the user is empty or too long";
  else if (has_control(text))
    *why = "the user has control characters";
  else
    return mem_strdup(text);
  return NULL;
}

static int check_claims(const struct jwt_key *key, const json_t *claims,
                        int64_t now, struct jwt_claims *out) {
  int result = check_times(key, claims, now, out);
  if (result < 0)
    return result;
  out->why = "iss is not the required one";
  if (key->issuer && !equals(json_object_get(claims, "iss"), key->issuer))
    return ERR_INVALID_TOKEN;
  out->why = "aud has not the required one";
  if (key->audience &&
      !has_audience(json_object_get(claims, "aud"), key->audience))
    return ERR_INVALID_TOKEN;
  out->user = read_user(key, claims, &out->why);
  return out->user ? 0 : ERR_INVALID_TOKEN;
}

/* `token` is zero-terminated and not too long. */
static int verify(const struct jwt_key *key, const char *token, size_t len,
                  int64_t now, struct jwt_claims *out) {
  struct parts parts;
  char text[JWT_TOKEN_BYTES + 1];
  out->why = "not three parts";
  if (split(token, len, &parts) < 0)
    return ERR_INVALID_TOKEN;
  out->why = check_header(key, &parts);
  if (out->why)
    return ERR_INVALID_TOKEN;
  out->why = "the signature does not match";
  if (!(key->algorithm->hash ? hmac_matches(key, token, &parts)
                             : pem_matches(key, token, &parts)))
    return ERR_INVALID_TOKEN;
  out->why = "the claims are not base64 of a JSON object";
  json_t *claims = decode_object(parts.payload, parts.payload_len, text);
  if (!claims)
    return ERR_INVALID_TOKEN;
  int result = check_claims(key, claims, now, out);
  if (result == 0) {
    out->json = mem_strdup(text);
    out->why = NULL;
  }
  json_decref(claims);
  return result;
}

int jwt_verify(const struct jwt_key *key, const char *token, size_t len,
               int64_t now, struct jwt_claims *out) {
  char copy[JWT_TOKEN_BYTES + 1];
  *out = (struct jwt_claims){.why = "longer than a token may be"};
  if (len > JWT_TOKEN_BYTES)
    return ERR_INVALID_TOKEN;
  out->why = "a zero byte";
  if (memchr(token, '\0', len))
    return ERR_INVALID_TOKEN;
  memcpy(copy, token, len);
  copy[len] = '\0';
  int result = verify(key, copy, len, now, out);
  if (result < 0)
    out->expires = 0;
  return result;
}

void jwt_claims_free(struct jwt_claims *claims) {
  mem_free(claims->user);
  mem_free(claims->json);
  *claims = (struct jwt_claims){0};
}

/* ---- signing ---- */

int jwt_sign(const struct jwt_key *key, const char *claims_json, char **token) {
  int result = ERR_BAD_JSON;
  jwt_t *jwt = NULL;
  char *text = NULL;
  json_t *claims = json_loads(claims_json, JSON_REJECT_DUPLICATES, NULL);
  if (!json_is_object(claims))
    goto out;
  result = ERR_CONFIG;
  if (!key->sign || jwt_new(&jwt) != 0 ||
      jwt_set_alg(jwt, key->algorithm->libjwt, (const unsigned char *)key->sign,
                  (int)key->sign_len) != 0)
    goto out;
  if (jwt_add_grants_json(jwt, claims_json) != 0 ||
      !(text = jwt_encode_str(jwt)))
    goto out;
  *token = mem_strdup(text);
  result = 0;
out:
  free(text);
  jwt_free(jwt);
  json_decref(claims);
  return result;
}
