/* SPDX-License-Identifier: MIT
 * The configured key.
 *
 * libjwt writes tokens of HS, RS and ES; Debian's release knows no PS and
 * EdDSA, which OpenSSL signs here. It does not verify (see jwt.c). */
#include "auth/signing.h"

#include "auth/base64url.h"
#include "base/err.h"
#include "base/mem.h"

#include <jansson.h>
#include <jwt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For each algorithm what libjwt calls it; JWT_ALG_NONE: it cannot. */
static const jwt_alg_t libjwt_names[JWT_ALGORITHM_COUNT] = {
    [JWT_HS256] = JWT_ALG_HS256, [JWT_HS384] = JWT_ALG_HS384,
    [JWT_HS512] = JWT_ALG_HS512, [JWT_RS256] = JWT_ALG_RS256,
    [JWT_RS384] = JWT_ALG_RS384, [JWT_RS512] = JWT_ALG_RS512,
    [JWT_ES256] = JWT_ALG_ES256, [JWT_ES384] = JWT_ALG_ES384,
    [JWT_ES512] = JWT_ALG_ES512,
};

/* ---- making ---- */

static int add_secret(struct signing *signing, const struct jwt_rules *rules,
                      struct buf *error) {
  struct sigkey *key =
      sigkey_secret(rules->algorithm, rules->key, rules->len, error);
  if (!key || keyset_add_take(signing->set, key) < 0)
    return ERR_CONFIG;
  signing->text = mem_strndup(rules->key, rules->len);
  signing->len = rules->len;
  return 0;
}

static bool is_json(const char *text, size_t len) {
  size_t i = 0;
  while (i < len && strchr(" \t\r\n", text[i]))
    i++;
  return i < len && text[i] == '{';
}

static int add_pem(struct signing *signing, const struct jwt_rules *rules,
                   struct buf *error) {
  int err = keyset_add_pem(signing->set, rules->key, rules->len,
                           JWT_BIT(rules->algorithm), &signing->private, error);
  if (!err && signing->private) {
    signing->text = mem_strndup(rules->key, rules->len);
    signing->len = rules->len;
  }
  return err;
}

static int add_configured_key(struct signing *signing,
                              const struct jwt_rules *rules,
                              struct buf *left_out, struct buf *error) {
  struct jwks_rules one = {.algorithms = JWT_BIT(rules->algorithm)};
  if (rules->len == 0 && (rules->jwks || rules->awaited))
    return 0;
  if (jwt_is_hmac(rules->algorithm))
    return add_secret(signing, rules, error);
  if (rules->len > 0 && is_json(rules->key, rules->len))
    return keyset_add_jwks(signing->set, rules->key, rules->len, &one, left_out,
                           error);
  return add_pem(signing, rules, error);
}

static void write_usual_header(struct signing *signing) {
  char text[64];
  struct buf out = {0};
  int len = snprintf(text, sizeof text, "{\"alg\":\"%s\",\"typ\":\"JWT\"}",
                     jwt_algorithm_name(signing->algorithm));
  base64url_put(&out, text, (size_t)len);
  memcpy(signing->header, out.data, SIGNING_HEADER_CHARS);
  buf_free(&out);
}

struct signing *signing_new(const struct jwt_rules *rules, struct buf *left_out,
                            struct buf *error) {
  struct signing *signing = mem_alloc(sizeof *signing);
  atomic_init(&signing->refs, 1);
  signing->set = keyset_new();
  signing->algorithm = rules->algorithm;
  write_usual_header(signing);
  int err = add_configured_key(signing, rules, left_out, error);
  if (!err && rules->jwks)
    err = keyset_add_jwks(signing->set, rules->jwks, rules->jwks_len,
                          &rules->jwks_rules, left_out, error);
  if (!err)
    return signing;
  signing_unref(signing);
  return NULL;
}

struct signing *signing_ref(struct signing *signing) {
  atomic_fetch_add_explicit(&signing->refs, 1, memory_order_relaxed);
  return signing;
}

void signing_unref(struct signing *signing) {
  if (!signing ||
      atomic_fetch_sub_explicit(&signing->refs, 1, memory_order_acq_rel) > 1)
    return;
  keyset_unref(signing->set);
  EVP_PKEY_free(signing->private);
  if (signing->text)
    OPENSSL_cleanse(signing->text, signing->len);
  mem_free(signing->text);
  mem_free(signing);
}

/* ---- signing ---- */

static int sign_with_libjwt(const struct signing *signing, const char *claims,
                            char **token) {
  jwt_t *jwt = NULL;
  char *text = NULL;
  if (jwt_new(&jwt) == 0 &&
      jwt_set_alg(jwt, libjwt_names[signing->algorithm],
                  (const unsigned char *)signing->text,
                  (int)signing->len) == 0 &&
      jwt_add_grants_json(jwt, claims) == 0)
    text = jwt_encode_str(jwt);
  if (text)
    *token = mem_strdup(text);
  free(text);
  jwt_free(jwt);
  return *token ? 0 : ERR_CONFIG;
}

static int sign_with_openssl(const struct signing *signing, const char *claims,
                             char **token) {
  unsigned char signature[SIGKEY_SIGNATURE_BYTES];
  struct buf out = {0};
  buf_put(&out, signing->header, SIGNING_HEADER_CHARS);
  buf_putc(&out, '.');
  base64url_put(&out, claims, strlen(claims));
  size_t len = sigkey_sign(signing->private, signing->algorithm, out.data,
                           out.len, signature);
  buf_putc(&out, '.');
  base64url_put(&out, signature, len);
  buf_putc(&out, '\0');
  if (len > 0)
    *token = mem_strdup(out.data);
  buf_free(&out);
  return len > 0 ? 0 : ERR_CONFIG;
}

int signing_sign(const struct signing *signing, const char *claims,
                 char **token) {
  json_t *json = json_loads(claims, JSON_REJECT_DUPLICATES, NULL);
  bool object = json_is_object(json);
  json_decref(json);
  *token = NULL;
  if (!object)
    return ERR_BAD_JSON;
  if (!signing->text)
    return ERR_CONFIG;
  if (libjwt_names[signing->algorithm] == JWT_ALG_NONE)
    return sign_with_openssl(signing, claims, token);
  return sign_with_libjwt(signing, claims, token);
}

/* ---- what else the secret may mean ---- */

static int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static size_t read_as_hex(const char *text, size_t len, unsigned char *out) {
  if (len % 2 != 0)
    return 0;
  for (size_t i = 0; i < len; i += 2) {
    int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0)
      return 0;
    out[i / 2] = (unsigned char)(high << 4 | low);
  }
  return len / 2;
}

static size_t read_as_base64(const char *text, size_t len, unsigned char *out) {
  char *copy = mem_strndup(text, len);
  while (len > 0 && copy[len - 1] == '=')
    len--;
  for (size_t i = 0; i < len; i++)
    copy[i] = copy[i] == '+' ? '-' : copy[i] == '/' ? '_' : copy[i];
  int n = base64url_decode(copy, len, out);
  OPENSSL_cleanse(copy, len);
  mem_free(copy);
  return n > 0 ? (size_t)n : 0;
}

static size_t read_as_bare(const char *text, size_t len, unsigned char *out) {
  size_t begin = 0, end = len;
  while (begin < end && strchr(" \t\r\n\"'", text[begin]))
    begin++;
  while (end > begin && strchr(" \t\r\n\"'", text[end - 1]))
    end--;
  memcpy(out, text + begin, end - begin);
  return end - begin < len ? end - begin : 0;
}

/* Other readings of a secret, and what to tell who gave it. */
static const struct {
  size_t (*read)(const char *text, size_t len, unsigned char *out);
  const char *hint;
} readings[] = {
    {read_as_bare,
     "tokens match auth.secret without the line breaks, spaces or "
     "quotes around it: take them away"},
    {read_as_hex, "tokens match auth.secret read as hexadecimal: sign with the "
                  "text as it stands, or give the server the bytes it means as "
                  "`base64:…`"},
    {read_as_base64,
     "tokens match auth.secret read as base64: sign with the text "
     "as it stands, or write `base64:` before it here"},
};

const char *signing_hint(const struct signing *signing,
                         enum jwt_algorithm algorithm, const char *text,
                         size_t len, const unsigned char *signature,
                         size_t signature_len) {
  const char *hint = NULL, *ignored;
  struct buf error = {0};
  if (!signing->text || signing->private || algorithm != signing->algorithm)
    return NULL;
  unsigned char *bytes = mem_alloc_raw(signing->len + 1);
  for (size_t i = 0; i < ARRAY_SIZE(readings) && !hint; i++) {
    size_t n = readings[i].read(signing->text, signing->len, bytes);
    struct sigkey *key = n ? sigkey_secret(algorithm, bytes, n, &error) : NULL;
    if (key && sigkey_verify(key, algorithm, text, len, signature,
                             signature_len, &ignored))
      hint = readings[i].hint;
    sigkey_free(key);
  }
  OPENSSL_cleanse(bytes, signing->len);
  mem_free(bytes);
  buf_free(&error);
  return hint;
}
