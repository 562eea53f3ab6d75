/* SPDX-License-Identifier: MIT
 * Text in pieces must be judged like the same text in one. The first byte
 * says how long the pieces are. */
#include "base/utf8.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct utf8 utf8 = {0};
  bool valid = true;
  if (size == 0)
    return 0;
  const char *text = (const char *)data + 1;
  size_t step = data[0] + 1u, len = size - 1;
  for (size_t at = 0; valid && at < len; at += step)
    valid = utf8_feed(&utf8, text + at, len - at < step ? len - at : step);
  if ((valid && utf8_is_whole(&utf8)) != utf8_valid(text, len))
    abort();
  return 0;
}
