/* SPDX-License-Identifier: MIT
 * How a request ended. */
#include "net/fetch_code.h"

const char *fetch_code_name(enum fetch_code code) {
  static const char *const names[] = {
#define FETCH_CODE_NAME(code_, name) name,
      FETCH_CODE_MAP(FETCH_CODE_NAME)
#undef FETCH_CODE_NAME
  };
  return names[code];
}
