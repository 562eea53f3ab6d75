/* SPDX-License-Identifier: MIT
 * Tokens: the good ones, and every forgery that comes to mind.
 *
 * Forged tokens are put together here by hand, with OpenSSL alone, so that the
 * code under test does not judge its own work. */
#include "auth/jwt.h"

#include "base/err.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#define SECRET       "0123456789abcdef0123456789abcdef"
#define OTHER_SECRET "0123456789abcdef0123456789abcdeF"
#define HS256_HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

enum { NOW = 1700000000, TEXT_CAP = 8192, TOKEN_BYTES = 4096 };

/* ---- making things ---- */

static char text[TEXT_CAP]; /* the token under construction */

static void put_base64(const void *bytes, size_t len) {
  static unsigned char out[TEXT_CAP * 2];
  int n = EVP_EncodeBlock(out, bytes, (int)len);
  while (n > 0 && out[n - 1] == '=')
    n--;
  for (int i = 0; i < n; i++)
    out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
  size_t used = strlen(text);
  assert_true(used + (size_t)n + 2 < TEXT_CAP);
  memcpy(text + used, out, (size_t)n);
  text[used + (size_t)n] = '\0';
}

/* header.payload, then a dot: what a signature is appended to. */
static void begin(const char *header, const char *payload) {
  text[0] = '\0';
  put_base64(header, strlen(header));
  strcat(text, ".");
  put_base64(payload, strlen(payload));
}

static const char *forge(const char *header, const char *payload,
                         const EVP_MD *hash, const void *key, size_t key_len) {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned len;
  begin(header, payload);
  assert_non_null(HMAC(hash, key, (int)key_len, (unsigned char *)text,
                       strlen(text), mac, &len));
  strcat(text, ".");
  put_base64(mac, len);
  return text;
}

/* A correctly signed HS256 token with that payload. */
static const char *token_of(const char *payload) {
  return forge(HS256_HEADER, payload, EVP_sha256(), SECRET, strlen(SECRET));
}

static struct jwt_rules rules_of(enum jwt_algorithm algorithm,
                                 const char *key) {
  return (struct jwt_rules){.algorithm = algorithm,
                            .key = key,
                            .len = strlen(key),
                            .claims = {.leeway_s = 5},
                            .token_bytes = TOKEN_BYTES};
}

static struct jwt_key *make(struct jwt_rules rules) {
  struct buf error = {0}, left_out = {0};
  struct jwt_key *key = jwt_key_new(&rules, &left_out, &error);
  if (!key)
    fail_msg("%.*s", (int)error.len, error.data);
  buf_free(&left_out);
  return key;
}

static struct jwt_key *hs256(void) {
  return make(rules_of(JWT_HS256, SECRET));
}

static char *pem_of(EVP_PKEY *pkey, bool private) {
  char *data;
  BIO *bio = BIO_new(BIO_s_mem());
  if (private)
    assert_int_equal(
        PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
  else
    assert_int_equal(PEM_write_bio_PUBKEY(bio, pkey), 1);
  size_t len = (size_t)BIO_get_mem_data(bio, &data);
  char *pem = mem_strndup(data, len);
  BIO_free(bio);
  return pem;
}

/* ---- judging ---- */

static void accepted(struct jwt_key *key, const char *token, const char *user) {
  struct jwt_claims claims;
  int result = jwt_verify(key, token, strlen(token), NOW, &claims);
  if (result < 0)
    fail_msg("refused: %s", claims.why);
  assert_string_equal(claims.user, user);
  assert_null(claims.why);
  jwt_claims_free(&claims);
}

static void refused_bytes(struct jwt_key *key, const char *token, size_t len,
                          int err, const char *why) {
  struct jwt_claims claims;
  int result = jwt_verify(key, token, len, NOW, &claims);
  if (result == 0)
    fail_msg("accepted for %s: %.*s", claims.user, (int)len, token);
  assert_string_equal(err_name((enum err)result), err_name((enum err)err));
  assert_null(claims.user);
  assert_null(claims.json);
  if (!strstr(claims.why, why))
    fail_msg("no `%s` in `%s`", why, claims.why);
  jwt_claims_free(&claims);
}

static void refused(struct jwt_key *key, const char *token, const char *why) {
  refused_bytes(key, token, strlen(token), ERR_INVALID_TOKEN, why);
}

static void payload_refused(const char *payload, const char *why) {
  struct jwt_key *key = hs256();
  refused(key, token_of(payload), why);
  jwt_key_free(key);
}

/* ---- good tokens ---- */

/* The token of jwt.io's front page in its long-standing form. */
static void token_of_another_program(void **state) {
  (void)state;
  struct jwt_key *key = make(rules_of(JWT_HS256, "your-256-bit-secret"));
  struct jwt_claims claims;
  const char *token =
      "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
      "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIy"
      "fQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c";
  assert_int_equal(jwt_verify(key, token, strlen(token), NOW, &claims), 0);
  assert_string_equal(claims.user, "1234567890");
  assert_int_equal(claims.expires, 0);
  assert_string_equal(
      claims.json,
      "{\"sub\":\"1234567890\",\"name\":\"John Doe\",\"iat\":1516239022}");
  jwt_claims_free(&claims);
  jwt_key_free(key);
}

static void users(void **state) {
  (void)state;
  struct jwt_key *key = hs256();
  accepted(key, token_of("{\"sub\":\"a\",\"id\":\"b\"}"), "a");
  accepted(key, token_of("{\"id\":\"b\"}"), "b");
  accepted(key, token_of("{\"id\":5}"), "5");
  accepted(key, token_of("{\"sub\":-9223372036854775808}"),
           "-9223372036854775808");
  accepted(key, token_of("{\"sub\":\"\\u00e9 \\ud83d\\ude00\"}"),
           "\xc3\xa9 \xf0\x9f\x98\x80");
  jwt_key_free(key);
  struct jwt_rules rules = rules_of(JWT_HS256, SECRET);
  rules.claims.user_claim = "uid";
  key = make(rules);
  accepted(key, token_of("{\"sub\":\"a\",\"uid\":\"c\"}"), "c");
  refused(key, token_of("{\"sub\":\"a\",\"id\":\"b\"}"), "no claim");
  jwt_key_free(key);
}

static void user_of_bytes(char *payload, size_t cap, int n) {
  snprintf(payload, cap, "{\"sub\":\"%0*d\"}", n, 7);
}

static void users_that_are_none(void **state) {
  (void)state;
  char payload[256];
  static const char *const odd[] = {"1.5", "true", "{}", "[\"a\"]", "1e3"};
  payload_refused("{}", "no claim");
  payload_refused("{\"sub\":\"\"}", "empty");
  payload_refused("{\"sub\":\"\",\"id\":\"b\"}", "empty");
  payload_refused("{\"sub\":null,\"id\":\"b\"}", "neither");
  payload_refused("{\"sub\":\"a\\nb\"}", "control");
  payload_refused("{\"sub\":\"a\\u007f\"}", "control");
  payload_refused("{\"sub\":\"a\\u0085\"}", "control");
  payload_refused("{\"sub\":\"a\\u0000b\"}", "control");
  for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
    snprintf(payload, sizeof payload, "{\"sub\":%s}", odd[i]);
    payload_refused(payload, "neither");
  }
  user_of_bytes(payload, sizeof payload, JWT_USER_BYTES + 1);
  payload_refused(payload, "too long");
  user_of_bytes(payload, sizeof payload, JWT_USER_BYTES);
  struct jwt_key *key = hs256();
  struct jwt_claims claims;
  const char *token = token_of(payload);
  assert_int_equal(jwt_verify(key, token, strlen(token), NOW, &claims), 0);
  assert_int_equal(strlen(claims.user), JWT_USER_BYTES);
  jwt_claims_free(&claims);
  jwt_key_free(key);
}

/* ---- time ---- */

static const char *timed(const char *claim, long long at) {
  char payload[128];
  snprintf(payload, sizeof payload, "{\"sub\":\"a\",\"%s\":%lld}", claim, at);
  return token_of(payload);
}

static void expired(struct jwt_key *key, const char *token) {
  refused_bytes(key, token, strlen(token), ERR_TOKEN_EXPIRED, "expired");
}

static void early(struct jwt_key *key, const char *token, int64_t wait_s) {
  struct jwt_claims claims;
  assert_int_equal(jwt_verify(key, token, strlen(token), NOW, &claims),
                   ERR_TOKEN_NOT_YET_VALID);
  assert_string_equal(claims.why, "not yet valid");
  assert_int_equal(claims.wait_s, wait_s);
  assert_null(claims.user);
}

static void times(void **state) {
  (void)state;
  struct jwt_key *key = hs256();
  struct jwt_claims claims;
  const char *token = timed("exp", NOW + 60);
  assert_int_equal(jwt_verify(key, token, strlen(token), NOW, &claims), 0);
  assert_int_equal(claims.expires, NOW + 60);
  jwt_claims_free(&claims);
  accepted(key, timed("exp", NOW - 4), "a");
  expired(key, timed("exp", NOW - 5));
  expired(key, timed("exp", 0));
  expired(key, timed("exp", -1));
  expired(key, timed("exp", INT64_MIN));
  accepted(key, timed("exp", INT64_MAX), "a");
  accepted(key, timed("nbf", NOW + 5), "a");
  early(key, timed("nbf", NOW + 6), 1);
  early(key, timed("nbf", NOW + 65), 60);
  early(key, timed("nbf", INT64_MAX), ((int64_t)1 << 53) - NOW - 5);
  accepted(key, token_of("{\"sub\":\"a\",\"exp\":1700000000.5}"), "a");
  accepted(key, token_of("{\"sub\":\"a\",\"exp\":1e300}"), "a");
  expired(key, token_of("{\"sub\":\"a\",\"exp\":-1e300}"));
  refused(key, token_of("{\"sub\":\"a\",\"exp\":\"1800000000\"}"), "number");
  refused(key, token_of("{\"sub\":\"a\",\"exp\":null}"), "number");
  refused(key, token_of("{\"sub\":\"a\",\"nbf\":true}"), "number");
  refused(key, token_of("{\"sub\":\"a\",\"exp\":1e999}"), "number");
  jwt_key_free(key);
}

static void issuer_and_audience(void **state) {
  (void)state;
  struct jwt_rules rules = rules_of(JWT_HS256, SECRET);
  rules.claims.issuer = "me";
  struct jwt_key *key = make(rules);
  accepted(key, token_of("{\"sub\":\"a\",\"iss\":\"me\"}"), "a");
  refused(key, token_of("{\"sub\":\"a\"}"), "iss");
  refused(key, token_of("{\"sub\":\"a\",\"iss\":\"m\"}"), "iss");
  refused(key, token_of("{\"sub\":\"a\",\"iss\":[\"me\"]}"), "iss");
  jwt_key_free(key);
  rules.claims.issuer = "";
  rules.claims.audience = "us";
  key = make(rules);
  accepted(key, token_of("{\"sub\":\"a\",\"aud\":\"us\"}"), "a");
  accepted(key, token_of("{\"sub\":\"a\",\"aud\":[1,\"them\",\"us\"]}"), "a");
  refused(key, token_of("{\"sub\":\"a\"}"), "aud");
  refused(key, token_of("{\"sub\":\"a\",\"aud\":[]}"), "aud");
  refused(key, token_of("{\"sub\":\"a\",\"aud\":[\"them\"]}"), "aud");
  refused(key, token_of("{\"sub\":\"a\",\"aud\":{\"us\":\"us\"}}"), "aud");
  jwt_key_free(key);
}

/* ---- forgeries ---- */

static void headers(void **state) {
  (void)state;
  static const char *const wrong[] = {
      "{\"alg\":\"none\"}",
      "{\"alg\":\"None\"}",
      "{\"alg\":\"\"}",
      "{\"alg\":\"hs256\"}",
      "{\"alg\":\"HS256 \"}",
      "{\"alg\":\"HS384\"}",
      "{\"alg\":\"RS256\"}",
      "{\"alg\":null}",
      "{\"alg\":\"HS256\\u0000\"}",
      "{\"alg\":[\"HS256\"]}",
      "{\"typ\":\"JWT\"}",
      "{}",
  };
  static const char *const broken[] = {"",
                                       "null",
                                       "[]",
                                       "\"HS256\"",
                                       "{\"alg\":\"HS256\"",
                                       "{\"alg\":\"HS256\"}}",
                                       "{\"alg\":\"none\",\"alg\":\"HS256\"}"};
  const char *payload = "{\"sub\":\"a\"}";
  struct jwt_key *key = hs256();
  for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
    refused(key, forge(wrong[i], payload, EVP_sha256(), SECRET, 32),
            "algorithm");
  for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
    refused(key, forge(broken[i], payload, EVP_sha256(), SECRET, 32), "header");
  refused(key,
          forge("{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}", payload,
                EVP_sha256(), SECRET, 32),
          "extension");
  begin("{\"alg\":\"none\"}", payload);
  strcat(text, ".");
  refused(key, text, "algorithm");
  jwt_key_free(key);
}

static void signatures(void **state) {
  (void)state;
  const char *payload = "{\"sub\":\"a\"}";
  struct jwt_key *key = hs256();
  refused(key, forge(HS256_HEADER, payload, EVP_sha256(), OTHER_SECRET, 32),
          "signature");
  refused(key, forge(HS256_HEADER, payload, EVP_sha256(), "", 0), "signature");
  refused(key, forge(HS256_HEADER, payload, EVP_sha512(), SECRET, 32),
          "signature");
  begin(HS256_HEADER, payload);
  refused(key, text, "three parts");
  strcat(text, ".");
  refused(key, text, "signature");
  token_of(payload);
  text[strlen(text) - 1] = '\0';
  refused(key, text, "signature");
  token_of(payload);
  strcat(text, "A");
  refused(key, text, "signature");
  token_of(payload);
  strcat(text, "=");
  refused(key, text, "signature");
  jwt_key_free(key);
}

/* Each bit of a token counts: also the last, unused ones of base64. */
static void changed_characters(void **state) {
  (void)state;
  char token[TEXT_CAP];
  struct jwt_claims claims;
  struct jwt_key *key = hs256();
  strcpy(token, token_of("{\"sub\":\"a\",\"exp\":1800000000}"));
  accepted(key, token, "a");
  for (size_t i = 0; token[i]; i++)
    for (int bit = 0; bit < 8; bit++) {
      token[i] = (char)(token[i] ^ (1 << bit));
      assert_true(jwt_verify(key, token, strlen(text), NOW, &claims) < 0);
      token[i] = (char)(token[i] ^ (1 << bit));
    }
  jwt_key_free(key);
}

static void forms(void **state) {
  (void)state;
  struct jwt_key *key = hs256();
  char token[TEXT_CAP + 16];
  refused(key, "", "three parts");
  refused(key, ".", "three parts");
  refused(key, "..", "header");
  refused(key, "a.b.c.d", "three parts");
  strcpy(token, token_of("{\"sub\":\"a\"}"));
  size_t len = strlen(token);
  refused_bytes(key, token, len + 1, ERR_INVALID_TOKEN, "signature");
  memmove(token + 1, token, len + 1);
  token[0] = ' ';
  refused(key, token, "header");
  payload_refused("[]", "JSON object");
  payload_refused("{\"sub\":\"a\"", "JSON object");
  payload_refused("{\"sub\":\"a\",\"sub\":\"b\"}", "twice");
  payload_refused("{\"sub\":\"a\",\"s\\u0075b\":\"b\"}", "twice");
  payload_refused("{\"sub\":\"\xff\"}", "JSON object");
  jwt_key_free(key);
}

/* A well signed token whose length in bytes is `len`, if that is possible. */
static bool token_of_length(size_t len) {
  char payload[TEXT_CAP];
  for (int pad = 2700; pad < 3100; pad++) {
    snprintf(payload, sizeof payload, "{\"sub\":\"a\",\"pad\":\"%0*d\"}", pad,
             0);
    if (strlen(token_of(payload)) == len)
      return true;
  }
  return false;
}

static void long_tokens(void **state) {
  (void)state;
  struct jwt_key *key = hs256();
  size_t len = TOKEN_BYTES;
  while (!token_of_length(len))
    len--;
  assert_in_range(len, TOKEN_BYTES - 2, TOKEN_BYTES);
  accepted(key, text, "a");
  len = TOKEN_BYTES + 1;
  while (!token_of_length(len))
    len++;
  refused(key, text, "longer");
  jwt_key_free(key);
}

/* ---- key pairs ---- */

struct pair {
  enum jwt_algorithm algorithm;
  const char *name;
  EVP_PKEY *pkey;
  char *private, *public;
};

static struct pair rsa_pair(unsigned bits) {
  EVP_PKEY *pkey = EVP_RSA_gen(bits);
  assert_non_null(pkey);
  return (struct pair){JWT_RS256, "RS256", pkey, pem_of(pkey, true),
                       pem_of(pkey, false)};
}

static struct pair ec_pair(enum jwt_algorithm algorithm, const char *name,
                           const char *curve) {
  EVP_PKEY *pkey = EVP_EC_gen(curve);
  assert_non_null(pkey);
  return (struct pair){algorithm, name, pkey, pem_of(pkey, true),
                       pem_of(pkey, false)};
}

static void free_pair(struct pair *pair) {
  EVP_PKEY_free(pair->pkey);
  mem_free(pair->private);
  mem_free(pair->public);
}

static void check_pair(struct pair *pair) {
  char *token, header[64];
  struct jwt_key *signer = make(rules_of(pair->algorithm, pair->private));
  struct jwt_key *key = make(rules_of(pair->algorithm, pair->public));
  assert_int_equal(jwt_sign(signer, "{\"sub\":\"a\"}", &token), 0);
  accepted(key, token, "a");
  accepted(signer, token, "a");
  char *last = strrchr(token, '.');
  last[1] = last[1] == 'A' ? 'B' : 'A';
  refused(key, token, "signature");
  last[1] = '\0';
  refused(key, token, "signature");
  mem_free(token);
  /* The classic: the public key as HMAC secret. */
  refused(key,
          forge(HS256_HEADER, "{\"sub\":\"a\"}", EVP_sha256(), pair->public,
                strlen(pair->public)),
          "algorithm");
  snprintf(header, sizeof header, "{\"alg\":\"%s\"}", pair->name);
  refused(key,
          forge(header, "{\"sub\":\"a\"}", EVP_sha256(), pair->public,
                strlen(pair->public)),
          "signature");
  assert_true(jwt_sign(key, "{\"sub\":\"a\"}", &token) < 0);
  jwt_key_free(key);
  jwt_key_free(signer);
}

static void key_pairs(void **state) {
  (void)state;
  struct pair pairs[] = {rsa_pair(2048), ec_pair(JWT_ES256, "ES256", "P-256"),
                         ec_pair(JWT_ES384, "ES384", "P-384"),
                         ec_pair(JWT_ES512, "ES512", "P-521")};
  for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
    check_pair(&pairs[i]);
    free_pair(&pairs[i]);
  }
}

static void signed_by_another_pair(void **state) {
  (void)state;
  struct pair ours = ec_pair(JWT_ES256, "ES256", "P-256");
  struct pair theirs = ec_pair(JWT_ES256, "ES256", "P-256");
  struct jwt_key *key = make(rules_of(JWT_ES256, ours.public));
  struct jwt_key *thief = make(rules_of(JWT_ES256, theirs.private));
  char *token;
  assert_int_equal(jwt_sign(thief, "{\"sub\":\"a\"}", &token), 0);
  refused(key, token, "signature");
  mem_free(token);
  jwt_key_free(thief);
  jwt_key_free(key);
  free_pair(&ours);
  free_pair(&theirs);
}

static void key_refused(enum jwt_algorithm algorithm, const char *pem,
                        const char *why) {
  struct buf error = {0}, left_out = {0};
  struct jwt_rules rules = rules_of(algorithm, pem);
  assert_null(jwt_key_new(&rules, &left_out, &error));
  buf_putc(&error, '\0');
  if (!strstr(error.data, why))
    fail_msg("no `%s` in `%s`", why, error.data);
  buf_free(&error);
}

static void keys_that_do_not_fit(void **state) {
  (void)state;
  struct pair rsa = rsa_pair(2048), small = rsa_pair(1024);
  struct pair p256 = ec_pair(JWT_ES256, "ES256", "P-256");
  key_refused(JWT_HS256, "", "empty");
  key_refused(JWT_RS256, "", "PEM");
  key_refused(JWT_RS256, "secret", "PEM");
  key_refused(JWT_RS256, p256.public, "RSA");
  key_refused(JWT_RS256, small.public, "1024 bits");
  key_refused(JWT_ES256, rsa.public, "prime256v1");
  key_refused(JWT_ES384, p256.public, "secp384r1");
  rsa.public[60] = rsa.public[60] == 'A' ? 'B' : 'A';
  key_refused(JWT_ES256, rsa.public, "");
  free_pair(&rsa);
  free_pair(&small);
  free_pair(&p256);
}

/* ---- signing ---- */

static void signing(void **state) {
  (void)state;
  static const enum jwt_algorithm hs[] = {JWT_HS256, JWT_HS384, JWT_HS512};
  char *token;
  for (size_t i = 0; i < ARRAY_SIZE(hs); i++) {
    struct jwt_key *key = make(rules_of(hs[i], SECRET));
    struct jwt_key *other = make(rules_of(hs[(i + 1) % 3], SECRET));
    assert_int_equal(
        jwt_sign(key, "{\"sub\":\"a\",\"n\":9007199254740993}", &token), 0);
    accepted(key, token, "a");
    refused(other, token, "algorithm");
    mem_free(token);
    assert_int_equal(jwt_sign(key, "[]", &token), ERR_BAD_JSON);
    assert_int_equal(jwt_sign(key, "{", &token), ERR_BAD_JSON);
    jwt_key_free(other);
    jwt_key_free(key);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(token_of_another_program),
      cmocka_unit_test(users),
      cmocka_unit_test(users_that_are_none),
      cmocka_unit_test(times),
      cmocka_unit_test(issuer_and_audience),
      cmocka_unit_test(headers),
      cmocka_unit_test(signatures),
      cmocka_unit_test(changed_characters),
      cmocka_unit_test(forms),
      cmocka_unit_test(long_tokens),
      cmocka_unit_test(key_pairs),
      cmocka_unit_test(signed_by_another_pair),
      cmocka_unit_test(keys_that_do_not_fit),
      cmocka_unit_test(signing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
