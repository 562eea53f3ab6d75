/* SPDX-License-Identifier: MIT
 * Types of messages. */
#include "wire/msg_type.h"

#include <string.h>

static const bool type_chars[256] = {
    ['-'] = true,         ['.'] = true, ['0' ... ':'] = true,
    ['A' ... 'Z'] = true, ['_'] = true, ['a' ... 'z'] = true,
};

bool msg_type_ok(const char *text, size_t len) {
  bool ok = len > 0 && len <= MSG_TYPE_BYTES;
  for (size_t i = 0; i < len; i++)
    ok &= type_chars[(unsigned char)text[i]];
  return ok;
}

bool msg_type_is_control(const char *text, size_t len) {
  static const char *const types[] = {"auth_ok", "auth_error", "ping", "pong",
                                      "goodbye"};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (strlen(types[i]) == len && !memcmp(types[i], text, len))
      return true;
  return false;
}
