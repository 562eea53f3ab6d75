/* SPDX-License-Identifier: MIT
 * The heads of the answers to one request. */
#include "net/fetch_head.h"

static bool is_line_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Without the blanks around it. */
static void put_trimmed(struct buf *out, const char *at, const char *end) {
  while (at < end && is_line_space(*at))
    at++;
  while (end > at && is_line_space(end[-1]))
    end--;
  buf_put(out, at, (size_t)(end - at));
  buf_putc(out, 0);
}

static void put_lowered(struct buf *out, const char *at, const char *end) {
  for (; at < end; at++)
    buf_putc(out, *at >= 'A' && *at <= 'Z' ? (char)(*at + 32) : *at);
  buf_putc(out, 0);
}

/* Goes on with the last value, with one blank between what there is. */
static void fold_value(struct buf *out, const char *at, const char *end) {
  while (at < end && is_line_space(*at))
    at++;
  if (at == end || out->len == 0)
    return;
  if (out->data[out->len - 2] == 0) /* name, zero, zero: nothing so far */
    out->len--;
  else
    out->data[out->len - 1] = ' ';
  put_trimmed(out, at, end);
}

static void take_header(struct buf *out, const char *line, size_t len) {
  const char *end = line + len;
  if (is_line_space(*line)) {
    fold_value(out, line, end);
    return;
  }
  const char *colon = memchr(line, ':', len);
  if (!colon)
    return;
  put_lowered(out, line, colon);
  put_trimmed(out, colon + 1, end);
}

bool fetch_head_take(struct fetch_head *head, const char *line, size_t len) {
  head->charged += len + FETCH_HEAD_LINE;
  if (head->charged > FETCH_HEAD_BYTES)
    return false;
  if (len >= 5 && !head->open && memcmp(line, "HTTP/", 5) == 0) {
    head->open = true;
    head->text.len = 0;
  } else if (len == 0 || *line == '\r' || *line == '\n') {
    head->open = false;
  } else if (head->open && !memchr(line, 0, len)) {
    take_header(&head->text, line, len); /* one that is no trailer */
  }
  return true;
}

void fetch_head_free(struct fetch_head *head) {
  buf_free(&head->text);
}
