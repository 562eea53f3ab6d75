/* SPDX-License-Identifier: MIT
 * What is seen of a value on the way over it.
 *
 * The messages of all clients pass here, so it takes the steps of
 * json_skip_value and nothing more than a comparison of lengths for most keys:
 * each is compared with those before it in its object, which are few. */
#include "wire/json_look.h"

#include <string.h>

enum { KEYS_MAX = 16 };

/* Whether the last of the keys is none of those before it. */
static bool is_new_key(const struct json_string *keys, size_t last) {
  const struct json_string *key = &keys[last];
  for (size_t i = 0; i < last; i++)
    if (keys[i].len == key->len && !memcmp(keys[i].text, key->text, key->len))
      return false;
  return !key->escaped;
}

static int look_over_object(struct json_scan *scan, int depth,
                            struct json_look *look, size_t *count) {
  struct json_string keys[KEYS_MAX + 1]; /* the last one is not compared */
  int more = json_enter(scan, '}');
  for (; more > 0; ++*count) {
    size_t last = *count < KEYS_MAX ? *count : KEYS_MAX;
    if (json_scan_key(scan, &keys[last]) != 0)
      return ERR_BAD_JSON;
    if (last == KEYS_MAX || !is_new_key(keys, last))
      look->once = false;
    if (json_look_over(scan, depth, look) != 0)
      return ERR_BAD_JSON;
    more = json_next(scan, '}');
  }
  return more;
}

static int look_over_array(struct json_scan *scan, int depth,
                           struct json_look *look, size_t *count) {
  int more = json_enter(scan, ']');
  for (; more > 0; ++*count) {
    if (json_look_over(scan, depth, look) != 0)
      return ERR_BAD_JSON;
    more = json_next(scan, ']');
  }
  return more;
}

static int look_inside(struct json_scan *scan, int depth,
                       struct json_look *look) {
  uint8_t *size = NULL;
  size_t count = 0;
  if (depth > JSON_MAX_DEPTH)
    return ERR_BAD_JSON;
  if (depth > look->levels)
    look->levels = (uint8_t)depth;
  if (look->size_count < JSON_LOOK_SIZES)
    size = &look->sizes[look->size_count++];
  int err = *scan->at == '{' ? look_over_object(scan, depth, look, &count)
                             : look_over_array(scan, depth, look, &count);
  if (size)
    *size = count < UINT8_MAX ? (uint8_t)count : UINT8_MAX;
  return err;
}

int json_look_over(struct json_scan *scan, int depth, struct json_look *look) {
  struct json_string string;
  if (scan->at == scan->end)
    return ERR_BAD_JSON;
  switch (*scan->at) {
  case '"':
    return json_scan_string(scan, &string);
  case '{':
  case '[':
    return look_inside(scan, depth + 1, look);
  default:
    return json_skip_value(scan, depth);
  }
}
