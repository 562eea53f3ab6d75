/* SPDX-License-Identifier: MIT
 * Reading Forwarded. */
#include "edge/forwarded.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

static const char *trim_end(const char *at, const char *end) {
  while (end > at && is_blank(end[-1]))
    end--;
  return end;
}

/* Where the piece begins that ends at `end`, behind the last separator that is
 * in no quotation marks. */
static const char *piece_begin(const char *text, const char *end,
                               char separator) {
  bool quoted = false;
  for (; end > text; end--) {
    if (end[-1] == '"')
      quoted = !quoted;
    else if (end[-1] == separator && !quoted)
      break;
  }
  return end;
}

/* The value of a pair named `for`; NULL for any other. */
static const char *for_value(const char *at, const char *end, size_t *len) {
  while (at < end && is_blank(*at))
    at++;
  end = trim_end(at, end);
  if (end - at < 4 || strncasecmp(at, "for=", 4) != 0)
    return NULL;
  at += 4;
  if (end - at >= 2 && *at == '"' && end[-1] == '"') {
    at++;
    end--;
  }
  *len = (size_t)(end - at);
  return at;
}

/* The one `for` of an element; NULL if it has none, or more. */
static const char *find_for(const char *at, const char *end, size_t *len) {
  const char *found = NULL;
  for (;;) {
    size_t value_len;
    const char *begin = piece_begin(at, end, ';');
    const char *value = for_value(begin, end, &value_len);
    if (value && found)
      return NULL;
    if (value) {
      found = value;
      *len = value_len;
    }
    if (begin == at)
      return found;
    end = begin - 1;
  }
}

/* From the right, so the result is put together at the end of `out`. */
void forwarded_hops(const char *text, size_t len, char *out) {
  const char *end = text + len;
  char *at = out + len;
  *at = '\0';
  for (;;) {
    const char *begin = piece_begin(text, end, ',');
    size_t hop_len;
    const char *hop = find_for(begin, end, &hop_len);
    if (hop && !memchr(hop, ',', hop_len)) {
      at -= hop_len;
      memcpy(at, hop, hop_len);
    }
    if (begin == text)
      break;
    end = begin - 1;
    *--at = ',';
  }
  memmove(out, at, (size_t)(out + len - at) + 1);
}
