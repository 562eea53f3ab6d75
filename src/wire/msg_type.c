/* SPDX-License-Identifier: MIT
 * Types of messages. */
#include "wire/msg_type.h"

static bool type_char(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= ':') || c == '.' || c == '_' || c == '-';
}

bool msg_type_ok(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++)
    if (!type_char((unsigned char)text[i]))
      return false;
  return len > 0 && len <= MSG_TYPE_BYTES;
}
