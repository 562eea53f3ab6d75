/* SPDX-License-Identifier: MIT
 * A piece of a text that somebody else owns. */
#include "wire/slice.h"

#include <string.h>
#include <strings.h>

struct slice slice_trim(struct slice text) {
  while (text.len > 0 && slice_is_blank(text.at[0]))
    text = slice_after(text, 1);
  while (text.len > 0 && slice_is_blank(text.at[text.len - 1]))
    text.len--;
  return text;
}

bool slice_is_all(struct slice slice, const char *text) {
  return slice.len == strlen(text) &&
         strncasecmp(slice.at, text, slice.len) == 0;
}

bool slice_equals(struct slice slice, const char *text) {
  return slice.len == strlen(text) && memcmp(slice.at, text, slice.len) == 0;
}

bool slice_begins(struct slice slice, const char *text) {
  size_t len = strlen(text);
  return slice.len >= len && memcmp(slice.at, text, len) == 0;
}

bool slice_copy(struct slice slice, char *out, size_t cap) {
  *out = '\0';
  if (slice.len >= cap || memchr(slice.at, 0, slice.len))
    return false;
  memcpy(out, slice.at, slice.len);
  out[slice.len] = '\0';
  return true;
}
