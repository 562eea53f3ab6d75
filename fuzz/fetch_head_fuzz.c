/* SPDX-License-Identifier: MIT
 * Whatever a server sends as heads, what is kept is pairs of a name and a value
 * without blanks around it, names in lower case, and no more than is charged.
 * The input is cut into lines as libcurl does: each with its end. */
#include "net/fetch_head.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_hold(bool ok) {
  if (!ok)
    abort();
}

static bool is_blank_char(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A text with its zero byte; returns what follows. */
static const char *pass_text(const char *at, const char *end) {
  const char *zero = memchr(at, 0, (size_t)(end - at));
  must_hold(zero != NULL);
  return zero + 1;
}

static void check_name(const char *name) {
  must_hold(!strchr(name, ':'));
  for (; *name; name++)
    must_hold(*name < 'A' || *name > 'Z');
}

static void check_value(const char *value) {
  size_t len = strlen(value);
  must_hold(len == 0 ||
            (!is_blank_char(value[0]) && !is_blank_char(value[len - 1])));
}

static void check_head(const struct fetch_head *head) {
  must_hold(head->text.len <= head->charged);
  if (head->text.len == 0) /* there may be no text */
    return;
  const char *at = head->text.data, *end = at + head->text.len;
  while (at < end) {
    const char *value = pass_text(at, end);
    must_hold(value < end);
    check_name(at);
    check_value(value);
    at = pass_text(value, end);
  }
}

/* A line of its own piece of memory, so that reading past it is seen. */
static bool take_line(struct fetch_head *head, const char *line, size_t len) {
  char *copy = malloc(len ? len : 1);
  must_hold(copy != NULL);
  memcpy(copy, line, len);
  bool taken = fetch_head_take(head, copy, len);
  free(copy);
  must_hold(taken == (head->charged <= FETCH_HEAD_BYTES));
  return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *at = (const char *)data, *end = at + size;
  struct fetch_head head = {0};
  while (at < end) {
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    const char *next = newline ? newline + 1 : end;
    if (!take_line(&head, at, (size_t)(next - at)))
      break;
    check_head(&head);
    at = next;
  }
  (void)!take_line(&head, "", 0);
  check_head(&head);
  fetch_head_free(&head);
  return 0;
}
