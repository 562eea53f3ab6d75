/* SPDX-License-Identifier: MIT
 * Figures as people read them. */
#include "load/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

char *text_time(char out[TEXT_BYTES], double ns) {
  static const struct {
    double ns;
    const char *name;
  } units[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}};
  int i = ns >= 1e9 ? 0 : ns >= 1e6 ? 1 : 2;
  double value = ns / units[i].ns;
  snprintf(out, TEXT_BYTES, value < 10 ? "%.2f %s" : "%.1f %s", value,
           units[i].name);
  return out;
}

char *text_count(char out[TEXT_BYTES], uint64_t count) {
  char digits[TEXT_BYTES];
  int n = snprintf(digits, sizeof digits, "%" PRIu64, count), at = 0;
  for (int i = 0; i < n; i++) {
    if (i > 0 && (n - i) % 3 == 0)
      out[at++] = ',';
    out[at++] = digits[i];
  }
  out[at] = '\0';
  return out;
}
