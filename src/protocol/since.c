/* SPDX-License-Identifier: MIT
 * `since` of `join`. */
#include "protocol/since.h"

#include "base/err.h"
#include "protocol/field.h"
#include "wire/json.h"

#include <string.h>

/* A whole number that is not negative. */
static bool read_whole_number(const struct envelope *env, const char *key,
                              int64_t *out) {
  const char *text;
  size_t len;
  if (!field_find(env, key, &text, &len) || *text < '0' || *text > '9')
    return false;
  for (size_t i = 1; i < len; i++)
    if (text[i] < '0' || text[i] > '9')
      return false;
  return json_to_int(text, len, out);
}

/* An epoch that is too long for one is none of ours. */
static bool read_epoch(const struct envelope *env, char *epoch) {
  const char *text;
  size_t len;
  if (!field_find(env, "epoch", &text, &len) || *text != '"')
    return false;
  if (!field_string(env, "epoch", epoch, ENGINE_EPOCH_BYTES, &len))
    *epoch = 0;
  return true;
}

int since_read(const struct envelope *env, struct since *out) {
  struct envelope inner = {.data = NULL};
  int64_t number;
  *out = (struct since){.kind = SINCE_NOW};
  if (!field_find(env, "since", &inner.data, &inner.data_len) ||
      *inner.data == 'n')
    return 0;
  if (*inner.data != '{')
    return ERR_BAD_REQUEST;
  if (read_epoch(&inner, out->epoch) &&
      read_whole_number(&inner, "seq", &number)) {
    out->kind = SINCE_POSITION;
    out->seq = (uint64_t)number;
    return 0;
  }
  if (!read_whole_number(&inner, "last", &number) || number == 0)
    return ERR_BAD_REQUEST;
  out->kind = SINCE_LAST;
  out->last = number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
  return 0;
}
