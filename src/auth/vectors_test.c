/* SPDX-License-Identifier: MIT
 * Tokens that real libraries have made (spec/vectors/tokens.txt), and libjwt as
 * a second opinion: what we take and it does not has a known reason. */
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
#include <jwt.h>

enum { PEMS = 8, TOKENS = 1000, TOKENS_MIN = 100 };

struct token {
  char *alg, *text, *library;
};

static struct {
  int64_t now;
  char *secret, *jwks;
  struct {
    char *name, *text;
  } pems[PEMS];
  struct token tokens[TOKENS];
  size_t pem_count, token_count;
} vectors;

/* ---- reading ---- */

static char *word(char **line) {
  return strsep(line, " ");
}

/* The two characters `\n` become a line break. */
static char *unescaped(const char *text) {
  char *copy = mem_strdup(text), *out = copy;
  for (const char *p = text; *p; p++) {
    bool escape = p[0] == '\\' && p[1] == 'n';
    *out++ = escape ? '\n' : *p;
    p += escape;
  }
  *out = '\0';
  return copy;
}

static void read_line(char *line) {
  const char *kind = word(&line);
  if (!strcmp(kind, "now")) {
    vectors.now = strtoll(line, NULL, 10);
  } else if (!strcmp(kind, "secret")) {
    vectors.secret = mem_strdup(line);
  } else if (!strcmp(kind, "jwks")) {
    vectors.jwks = mem_strdup(line);
  } else if (!strcmp(kind, "pem")) {
    assert_true(vectors.pem_count < PEMS);
    vectors.pems[vectors.pem_count].name = mem_strdup(word(&line));
    vectors.pems[vectors.pem_count++].text = unescaped(line);
  } else if (!strcmp(kind, "token")) {
    assert_true(vectors.token_count < TOKENS);
    struct token *token = &vectors.tokens[vectors.token_count++];
    token->alg = mem_strdup(word(&line));
    token->text = mem_strdup(word(&line));
    token->library = mem_strdup(line);
  }
}

static int read_all(void **state) {
  (void)state;
  char *line = NULL;
  size_t cap = 0;
  ssize_t len;
  FILE *file = fopen(SOURCE_DIR "/spec/vectors/tokens.txt", "r");
  assert_non_null(file);
  while ((len = getline(&line, &cap, file)) > 0) {
    line[len - 1] = '\0';
    read_line(line);
  }
  free(line);
  fclose(file);
  return vectors.token_count < TOKENS_MIN;
}

static int free_all(void **state) {
  (void)state;
  for (size_t i = 0; i < vectors.token_count; i++) {
    mem_free(vectors.tokens[i].alg);
    mem_free(vectors.tokens[i].text);
    mem_free(vectors.tokens[i].library);
  }
  for (size_t i = 0; i < vectors.pem_count; i++) {
    mem_free(vectors.pems[i].name);
    mem_free(vectors.pems[i].text);
  }
  mem_free(vectors.secret);
  mem_free(vectors.jwks);
  return 0;
}

/* ---- judging ---- */

static const char *pem_of(const char *alg) {
  const char *name = strchr("RP", alg[0]) ? "RSA" : alg;
  for (size_t i = 0; i < vectors.pem_count; i++)
    if (!strcmp(vectors.pems[i].name, name))
      return vectors.pems[i].text;
  fail_msg("no key for %s", alg);
  return NULL;
}

static struct jwt_rules rules_of(void) {
  return (struct jwt_rules){.claims = {.leeway_s = 5}, .token_bytes = 16384};
}

static struct jwt_key *make(const struct jwt_rules *rules) {
  struct buf left_out = {0}, error = {0};
  struct jwt_key *key = jwt_key_new(rules, &left_out, &error);
  if (!key)
    fail_msg("%.*s", (int)error.len, error.data);
  return key;
}

/* The key for one algorithm, as auth.secret or auth.public_key_file. */
static struct jwt_key *key_of(const struct token *token) {
  struct jwt_rules rules = rules_of();
  assert_true(
      jwt_algorithm_find(token->alg, strlen(token->alg), &rules.algorithm));
  rules.key =
      jwt_is_hmac(rules.algorithm) ? vectors.secret : pem_of(token->alg);
  rules.len = strlen(rules.key);
  return make(&rules);
}

/* The secret and all keys of the set. */
static struct jwt_key *all_keys(void) {
  struct jwt_rules rules = rules_of();
  rules.algorithm = JWT_HS256;
  rules.key = vectors.secret;
  rules.len = strlen(vectors.secret);
  rules.jwks = vectors.jwks;
  rules.jwks_len = strlen(vectors.jwks);
  rules.jwks_rules.algorithms = JWT_BITS_ALL;
  return make(&rules);
}

static const char *refusal(const struct jwt_key *key, const char *text) {
  struct jwt_claims claims;
  int err = jwt_verify(key, text, strlen(text), vectors.now, &claims);
  const char *why = err ? claims.why : NULL;
  if (!err)
    assert_string_equal(claims.user, "alice");
  jwt_claims_free(&claims);
  return why;
}

static bool libjwt_accepts(const struct token *token, const char *text) {
  jwt_t *jwt = NULL;
  const char *key = token->alg[0] == 'H' ? vectors.secret : pem_of(token->alg);
  int err =
      jwt_decode(&jwt, text, (const unsigned char *)key, (int)strlen(key));
  jwt_free(jwt);
  return err == 0;
}

/* ---- tests ---- */

static void accepted_by_their_key(void **state) {
  (void)state;
  for (size_t i = 0; i < vectors.token_count; i++) {
    const struct token *token = &vectors.tokens[i];
    struct jwt_key *key = key_of(token);
    const char *why = refusal(key, token->text);
    jwt_key_free(key);
    if (why)
      fail_msg("%s, %s: %s", token->library, token->alg, why);
  }
}

static void accepted_by_a_set(void **state) {
  (void)state;
  struct jwt_key *key = all_keys();
  for (size_t i = 0; i < vectors.token_count; i++) {
    const struct token *token = &vectors.tokens[i];
    const char *why = refusal(key, token->text);
    if (why)
      fail_msg("%s, %s: %s", token->library, token->alg, why);
  }
  jwt_key_free(key);
}

/* One character of a part changed: nobody takes it, for whatever reason. */
static void refused_when_changed(void **state) {
  (void)state;
  struct jwt_key *key = all_keys();
  for (size_t i = 0; i < vectors.token_count; i++) {
    const struct token *token = &vectors.tokens[i];
    char *text = mem_strdup(token->text);
    for (char *at = text; at; at = strchr(at + 1, '.')) {
      char *changed = at + 5;
      *changed = *changed == 'A' ? 'B' : 'A';
      assert_non_null(refusal(key, text));
      assert_false(libjwt_accepts(token, text));
      *changed = token->text[changed - text];
    }
    mem_free(text);
  }
  jwt_key_free(key);
}

/* A key of another algorithm takes none of them. */
static void refused_by_other_keys(void **state) {
  (void)state;
  for (size_t i = 0; i < vectors.token_count; i += 7) {
    struct jwt_key *key = key_of(&vectors.tokens[i]);
    for (size_t j = 0; j < vectors.token_count; j++)
      if (strcmp(vectors.tokens[i].alg, vectors.tokens[j].alg) != 0)
        assert_non_null(refusal(key, vectors.tokens[j].text));
    jwt_key_free(key);
  }
}

/* Debian's release (1.10) knows no PS and EdDSA; newer ones know some. */
static void libjwt_agrees(void **state) {
  (void)state;
  for (size_t i = 0; i < vectors.token_count; i++) {
    const struct token *token = &vectors.tokens[i];
    bool known = token->alg[0] != 'P' && strcmp(token->alg, "EdDSA") != 0;
    if (known && !libjwt_accepts(token, token->text))
      fail_msg("%s, %s: libjwt refuses it", token->library, token->alg);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accepted_by_their_key),
      cmocka_unit_test(accepted_by_a_set),
      cmocka_unit_test(refused_when_changed),
      cmocka_unit_test(refused_by_other_keys),
      cmocka_unit_test(libjwt_agrees),
  };
  return cmocka_run_group_tests(tests, read_all, free_all);
}
