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

/* A whole command. */
void words_put(struct buf *out, const struct slice *words, size_t count);

#endif
