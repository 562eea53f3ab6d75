/* SPDX-License-Identifier: MIT
 * perigee token: a token for a user, signed with the configured key.
 *
 * Only the token goes to standard output, so that a shell can use it. */
#include "auth/key.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "config/check.h"
#include "config/value.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct request {
  const char *user, *private_key;
  double ttl_s;
  json_t *claims; /* those of --claim */
};

/* NAME=VALUE. A VALUE that is a JSON number, true, false or null is one, all
 * else is text, so that nobody has to quote quotes for the shell. */
static int add_claim(json_t *claims, const char *text) {
  const char *equals = strchr(text, '=');
  if (!equals || equals == text)
    return cli_refuse("--claim needs NAME=VALUE");
  json_t *value = json_loads(equals + 1, JSON_DECODE_ANY, NULL);
  if (!value || json_is_object(value) || json_is_array(value)) {
    json_decref(value);
    value = json_string(equals + 1);
  }
  char *name = mem_strndup(text, (size_t)(equals - text));
  int failed = json_object_set_new(claims, name, value);
  mem_free(name);
  return failed ? cli_refuse("--claim is not UTF-8") : CLI_OK;
}

static int read_token_request(struct request *request, int *argc, char **argv) {
  const char *ttl = cli_take(argc, argv, "ttl"), *claim;
  request->user = cli_take(argc, argv, "user");
  request->private_key = cli_take(argc, argv, "private-key");
  if (!request->user || !request->user[0])
    return cli_refuse("--user is missing: whom is the token for?");
  if (value_seconds(ttl ? ttl : "1h", &request->ttl_s) < 0 ||
      request->ttl_s < 1 || request->ttl_s > 1e10)
    return cli_refuse("--ttl must be a time such as 30s, 15m, 1h or 7d");
  while ((claim = cli_take(argc, argv, "claim"))) {
    int status = add_claim(request->claims, claim);
    if (status != CLI_OK)
      return status;
  }
  return CLI_OK;
}

static char *claims_text(const struct request *request,
                         const struct jwt_key *key) {
  json_int_t now = (json_int_t)time(NULL);
  json_t *claims = request->claims;
  if (json_object_set_new(claims, jwt_user_claim(key),
                          json_string(request->user)) < 0 ||
      json_object_set_new(claims, "iat", json_integer(now)) < 0 ||
      json_object_set_new(claims, "exp",
                          json_integer(now + (json_int_t)request->ttl_s)) < 0)
    return NULL;
  return json_dumps(claims, JSON_COMPACT);
}

/* A claim that the server will demand is there unless --claim has set it. */
static void add_required(json_t *claims, const char *name, const char *value) {
  if (value[0] && !json_object_get(claims, name))
    json_object_set_new(claims, name, json_string(value));
}

/* A token that the server would refuse is of no use to anybody. */
static int check_new_token(const struct jwt_key *key, const char *token) {
  struct jwt_claims claims;
  int result =
      jwt_verify(key, token, strlen(token), (int64_t)time(NULL), &claims);
  if (result < 0)
    fprintf(stderr, "perigee: the server would refuse this token: %s\n",
            claims.why);
  jwt_claims_free(&claims);
  return result;
}

static int print_token(const struct request *request,
                       const struct jwt_key *key) {
  int status = CLI_FAILED;
  struct buf out = {0};
  char *token = NULL, *claims = claims_text(request, key);
  if (!claims) {
    cli_refuse("--user is not UTF-8");
    goto out;
  }
  if (jwt_sign(key, claims, &token) < 0) {
    cli_refuse(
        "the key can only verify: name the private one with --private-key");
    goto out;
  }
  if (check_new_token(key, token) < 0)
    goto out;
  buf_printf(&out, "%s\n", token);
  status = cli_print(&out);
out:
  mem_free(token);
  free(claims);
  return status;
}

static struct jwt_key *load_key(const struct config *cfg,
                                const char *private_key) {
  struct buf errors = {0};
  struct jwt_key *key = NULL;
  /* A private key file stands in for the public one. */
  bool checked = private_key && cfg->auth_algorithm > JWT_HS512;
  if (checked || check_config(cfg, CONFIG_DEVELOPMENT, &errors) == 0)
    key = key_load(cfg, private_key, &errors);
  cli_complain(&errors);
  buf_free(&errors);
  return key;
}

int cli_token(int argc, char **argv) {
  struct config *cfg = NULL;
  struct jwt_key *key = NULL;
  struct request request = {.claims = json_object()};
  int status = read_token_request(&request, &argc, argv);
  if (status == CLI_OK)
    status = cli_load(CONFIG_PRODUCTION, argc, argv, &cfg);
  if (status != CLI_OK)
    goto out;
  status = CLI_FAILED;
  key = load_key(cfg, request.private_key);
  if (!key)
    goto out;
  add_required(request.claims, "iss", cfg->auth_issuer);
  add_required(request.claims, "aud", cfg->auth_audience);
  status = print_token(&request, key);
out:
  jwt_key_free(key);
  config_free(cfg);
  json_decref(request.claims);
  return status;
}
