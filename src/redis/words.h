/* SPDX-License-Identifier: MIT
 * Commands as Redis reads them: an array of words, each with its length. */
#ifndef REDIS_WORDS_H
#define REDIS_WORDS_H

#include "base/buf.h"
#include "wire/slice.h"

#include <string.h>

/* The text as a word. */
static inline struct slice word(const char *text) {
  return (struct slice){text, strlen(text)};
}

/* How many words follow. */
void words_begin(struct buf *out, size_t count);

void words_add(struct buf *out, struct slice word);

/* After the last one: writes a zero behind the command, which is not a part of
 * it. hiredis looks for further words until it finds one. */
void words_end(struct buf *out);

/* A whole command, with that zero. */
void words_put(struct buf *out, const struct slice *words, size_t count);

#endif
