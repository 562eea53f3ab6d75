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
#define IS(type) (len == sizeof(type) - 1 && !memcmp(text, type, len))
  return IS("auth_ok") || IS("auth_error") || IS("ping") || IS("pong") ||
         IS("goodbye");
#undef IS
}
