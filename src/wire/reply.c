/* SPDX-License-Identifier: MIT
 * Heads of answers. */
#include "wire/reply.h"

#include "wire/head_byte.h"
#include "wire/status.h"

#include <time.h>

/* The text of a second is made once in it. */
static const char *date_text(void) {
  static _Thread_local time_t dated;
  static _Thread_local char text[40];
  time_t now = time(NULL);
  struct tm tm;
  if (now != dated && gmtime_r(&now, &tm)) {
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    dated = now;
  }
  return text;
}

/* Written without printf: each answer begins like this. */
void reply_begin(struct buf *out, unsigned status) {
  char digits[] = {(char)('0' + status / 100 % 10),
                   (char)('0' + status / 10 % 10), (char)('0' + status % 10),
                   ' '};
  buf_puts(out, "HTTP/1.1 ");
  buf_put(out, digits, sizeof digits);
  buf_puts(out, status_phrase(status));
  buf_puts(out, "\r\nDate: ");
  buf_puts(out, date_text());
  buf_puts(out, "\r\n");
}

/* Those that say how the answer travels (RFC 9110, 7.6.1), and those that are
 * counted or dated here. */
static bool is_server_field(struct slice name) {
  static const char *const own[] = {
      "connection",        "keep-alive", "proxy-connection", "te",
      "trailer",           "upgrade",    "content-length",   "date",
      "transfer-encoding",
  };
  for (size_t i = 0; i < ARRAY_SIZE(own); i++)
    if (slice_is(name, own[i]))
      return true;
  return false;
}

const char *reply_field_fault(struct slice name, struct slice value) {
  if (name.len == 0 || head_span(name, HEAD_TOKEN) != name.len)
    return "is no name of a header";
  if (is_server_field(name))
    return "is the server's own";
  if (head_span(value, HEAD_VALUE) != value.len)
    return "has a byte that no header may have, such as a line break";
  return NULL;
}

void reply_field(struct buf *out, struct slice name, struct slice value) {
  buf_put(out, name.at, name.len);
  buf_puts(out, ": ");
  buf_put(out, value.at, value.len);
  buf_puts(out, "\r\n");
}

bool reply_has_field(struct slice fields, const char *name,
                     struct slice *value) {
  size_t name_len = strlen(name);
  while (fields.len > 0) {
    const char *newline = memchr(fields.at, '\n', fields.len);
    size_t len = newline ? (size_t)(newline - fields.at) + 1 : fields.len;
    struct slice head = {fields.at, name_len < len ? name_len : len};
    if (slice_is(head, name) && name_len < len && fields.at[name_len] == ':') {
      struct slice line = {fields.at, len - (len > 1 ? 2 : 0)};
      if (value)
        *value = slice_trim(slice_after(line, name_len + 1));
      return true;
    }
    fields = slice_after(fields, len);
  }
  return false;
}
