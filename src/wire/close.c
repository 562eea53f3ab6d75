/* SPDX-License-Identifier: MIT
 * Close codes to reasons. */
#include "wire/close.h"

const char *close_reason(int code) {
  switch (code) {
#define CLOSE_CASE(name, value, reason)                                        \
  case value:                                                                  \
    return reason;
    CLOSE_MAP(CLOSE_CASE)
#undef CLOSE_CASE
  default:
    return "closed";
  }
}

bool close_is_legal(int code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}
