/* SPDX-License-Identifier: MIT
 * The call `token`: a token for a user, as the console's playground needs it.
 */
#include "api/call.h"

#include "auth/jwt.h"
#include "base/mem.h"
#include "wire/json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TOKEN_S = 15 * 60 };

/* A claim that is asked for, where the configuration names one. */
static void require_claim(json_t *claims, const char *name, const char *value) {
  if (*value)
    json_object_set_new(claims, name, json_string(value));
}

/* NULL: the user's id is no text that a token can have. */
static char *token_claims(const struct api_context *context,
                          struct slice user) {
  json_int_t now = (json_int_t)time(NULL);
  json_t *claims = json_object();
  char *text = NULL;
  require_claim(claims, "iss", context->config->auth_issuer);
  require_claim(claims, "aud", context->config->auth_audience);
  json_object_set_new(claims, "iat", json_integer(now));
  json_object_set_new(claims, "exp", json_integer(now + TOKEN_S));
  if (json_object_set_new(claims, jwt_user_claim(context->tokens),
                          json_stringn(user.at, user.len)) == 0)
    text = json_dumps(claims, JSON_COMPACT);
  json_decref(claims);
  return text;
}

bool api_token(struct api_context *context, const struct api_args *args,
               struct buf *out, struct problem *problem) {
  char *token = NULL;
  char *claims = token_claims(context, args->text[API_ARG_USER]);
  bool made = claims && jwt_sign(context->tokens, claims, &token) == 0;
  free(claims);
  if (!made)
    return problem_set(problem, ERR_NOT_FOUND,
                       "this server can only verify tokens: their key is "
                       "elsewhere");
  buf_puts(out, "{\"token\":");
  json_put_string(out, token, strlen(token));
  buf_printf(out, ",\"ends_s\":%d}", TOKEN_S);
  mem_free(token);
  return true;
}
