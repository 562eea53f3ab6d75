/* SPDX-License-Identifier: MIT
 * Members of a message's data. */
#include "protocol/field.h"

#include "wire/json.h"

#include <string.h>

static bool field_key_is(const struct json_string *key, const char *want) {
  char text[32];
  size_t len = json_unescape(key->text, key->len, text, sizeof text);
  return len == strlen(want) && len <= sizeof text && !memcmp(text, want, len);
}

bool field_find(const struct envelope *env, const char *key, const char **value,
                size_t *len) {
  bool found = false;
  if (!env->data || *env->data != '{')
    return false;
  struct json_scan scan = {env->data, env->data + env->data_len};
  int more = json_enter(&scan, '}');
  while (more > 0) {
    struct json_string name;
    if (json_scan_key(&scan, &name))
      return false;
    const char *start = scan.at;
    if (json_skip_value(&scan, 1))
      return false;
    if (field_key_is(&name, key)) {
      *value = start;
      *len = (size_t)(scan.at - start);
      found = true;
    }
    more = json_next(&scan, '}');
  }
  return found;
}

bool field_string(const struct envelope *env, const char *key, char *out,
                  size_t cap, size_t *len) {
  const char *value;
  size_t value_len;
  if (!field_find(env, key, &value, &value_len) || *value != '"')
    return false;
  *len = json_unescape(value + 1, value_len - 2, out, cap - 1);
  if (*len > cap - 1)
    return false;
  out[*len] = 0;
  return true;
}
