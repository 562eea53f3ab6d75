/* SPDX-License-Identifier: MIT
 * Error codes to names and texts. */
#include "base/err.h"

#include "base/attr.h"

#include <string.h>

struct err_info {
  const char *name, *text;
  bool retry;
};

static const struct err_info infos[] = {
#define ERR_ROW(name, retry, text) {#name, text, retry},
    ERR_WIRE(ERR_ROW)
#undef ERR_ROW
#define ERR_ROW(name, text) {#name, text, false},
        ERR_INTERNAL(ERR_ROW)
#undef ERR_ROW
};

static const struct err_info *info(enum err err) {
  static const struct err_info ok = {"OK", "no error", false};
  int i = err - ERR_FIRST - 1;
  return i >= 0 && i < (int)ARRAY_SIZE(infos) ? &infos[i] : &ok;
}

const char *err_name(enum err err) {
  return info(err)->name;
}

const char *err_text(enum err err) {
  return info(err)->text;
}

bool err_retry(enum err err) {
  return info(err)->retry;
}

bool err_code_retry(const char *code) {
  for (size_t i = 0; i < ARRAY_SIZE(infos); i++)
    if (strcmp(infos[i].name, code) == 0)
      return infos[i].retry;
  return false;
}
