/* SPDX-License-Identifier: MIT
 * Tokens, before and after their check. */
#include "protocol/token.h"

#include "auth/claims.h"
#include "base/err.h"
#include "base/mem.h"
#include "hub/index.h"
#include "protocol/field.h"
#include "wire/json.h"

#include <string.h>
#include <time.h>

const char *token_find(const struct envelope *env, size_t *len, char **copy) {
  const char *value;
  if (!field_find(env, "token", &value, len) || *value != '"' || *len < 3)
    return NULL;
  value++;
  *len -= 2;
  if (!memchr(value, '\\', *len))
    return value;
  *copy = mem_alloc_raw(*len);
  *len = json_unescape(value, *len, *copy, *len);
  return *copy;
}

/* The user that a script named: a string, or an integer in decimal. */
static char *user_of_value(const struct call_arg *value) {
  char user[USER_ID_BYTES + 1];
  bool whole;
  size_t len;
  struct json_scan scan = {value->text, value->text + value->len};
  if (value->len == 0)
    return NULL;
  if (*value->text == '"')
    len = json_unescape(value->text + 1, value->len - 2, user, USER_ID_BYTES);
  else if (json_scan_number(&scan, &whole) || !whole)
    return NULL;
  else
    memcpy(user, value->text, len = value->len);
  if (len == 0 || len > USER_ID_BYTES)
    return NULL;
  for (size_t i = 0; i < len; i++)
    if ((unsigned char)user[i] < 0x20 || user[i] == 0x7f)
      return NULL;
  return mem_strndup(user, len);
}

/* `exp` of the claims that a script returned; 0 if there is none. NULL, or why
 * it cannot be. */
static const char *expiry_of_table(const struct call_arg *table,
                                   int64_t *expires) {
  const struct envelope claims = {.data = table->text, .data_len = table->len};
  const char *value;
  size_t len;
  *expires = 0;
  if (table->len == 0 || !field_find(&claims, "exp", &value, &len) ||
      !strchr("-0123456789", *value))
    return NULL;
  return claims_read_time(value, len, time(NULL), expires);
}

int token_read_result(const struct call_result *result,
                      struct jwt_claims *claims) {
  const struct call_arg *table = &result->value[1];
  claims->user = user_of_value(&result->value[0]);
  claims->why = expiry_of_table(table, &claims->expires);
  bool ok = claims->user && !claims->why;
  if (!claims->user)
    claims->why = "@token gave no user id";
  claims->json =
      table->len ? mem_strndup(table->text, table->len) : mem_strdup("{}");
  return ok ? 0 : ERR_INVALID_TOKEN;
}
