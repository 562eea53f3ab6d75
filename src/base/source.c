/* SPDX-License-Identifier: MIT
 * Where the Lua of a file begins. */
#include "base/source.h"

#include <string.h>

size_t source_start(const char *text, size_t len) {
  static const char mark[] = "\xef\xbb\xbf";
  size_t start = 0;
  if (len >= strlen(mark) && memcmp(text, mark, strlen(mark)) == 0)
    start = strlen(mark);
  if (start == len || text[start] != '#')
    return start;
  const char *end = memchr(text + start, '\n', len - start);
  return end ? (size_t)(end - text) : len;
}
