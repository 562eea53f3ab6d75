/* SPDX-License-Identifier: MIT
 * Commands as Redis reads them. */
#include "redis/words.h"

/* `mark`, the number, and the end of a line; printf is ten times slower. */
static void put_length(struct buf *out, char mark, size_t number) {
  char text[24], *at = text + sizeof text;
  *--at = '\n';
  *--at = '\r';
  do
    *--at = (char)('0' + number % 10);
  while (number /= 10);
  *--at = mark;
  buf_put(out, at, (size_t)(text + sizeof text - at));
}

void words_begin(struct buf *out, size_t count) {
  put_length(out, '*', count);
}

void words_add(struct buf *out, struct slice word) {
  put_length(out, '$', word.len);
  buf_put(out, word.at, word.len);
  buf_put(out, "\r\n", 2);
}

void words_end(struct buf *out) {
  *buf_reserve(out, 1) = '\0';
}

void words_put(struct buf *out, const struct slice *words, size_t count) {
  words_begin(out, count);
  for (size_t i = 0; i < count; i++)
    words_add(out, words[i]);
  words_end(out);
}
