/* SPDX-License-Identifier: MIT
 * A piece of a text that somebody else owns. */
#ifndef WIRE_SLICE_H
#define WIRE_SLICE_H

#include <stdbool.h>
#include <stddef.h>

/* `at` is never NULL, and no zero stands behind the piece. */
struct slice {
  const char *at;
  size_t len;
};

/* What stands behind the first `len` bytes. */
static inline struct slice slice_after(struct slice slice, size_t len) {
  return (struct slice){slice.at + len, slice.len - len};
}

/* Whether the byte is a blank between words: a space or a tab. */
static inline bool slice_is_blank(char c) {
  return c == ' ' || c == '\t';
}

/* The slice without the blanks around it. */
struct slice slice_trim(struct slice text);

/* For slice_is, which knows that the first letters are the same. */
bool slice_is_all(struct slice slice, const char *text);

/* Whether the slice is this text, in upper or lower case. Most names differ in
 * their first letter, by more than the bit that is its case. */
static inline bool slice_is(struct slice slice, const char *text) {
  bool differs = slice.len > 0 && ((slice.at[0] ^ text[0]) & ~0x20) != 0;
  return !differs && slice_is_all(slice, text);
}

/* Whether the slice is this text, byte for byte. */
bool slice_equals(struct slice slice, const char *text);

/* Whether the slice begins with this text, byte for byte. */
bool slice_begins(struct slice slice, const char *text);

/* Writes the slice and a zero into `out`, which has `cap` bytes. False, and
 * `out` is "", when there is no room or a zero is in the slice. */
bool slice_copy(struct slice slice, char *out, size_t cap);

#endif
