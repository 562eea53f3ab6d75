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
