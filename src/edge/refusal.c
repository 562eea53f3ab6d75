/* SPDX-License-Identifier: MIT
 * Refusals in words. */
#include "edge/refusal.h"

#include "wire/status.h"

#include <time.h>

static void put_date(struct buf *out) {
  char text[64];
  struct tm tm;
  time_t now = time(NULL);
  if (gmtime_r(&now, &tm) &&
      strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm))
    buf_printf(out, "Date: %s\r\n", text);
}

void refusal_write(struct buf *out, const struct refusal *refusal, bool head) {
  buf_printf(out,
             "HTTP/1.1 %u %s\r\nConnection: close\r\n"
             "Content-Type: text/plain; charset=utf-8\r\n"
             "Content-Length: %zu\r\nCache-Control: no-cache\r\n",
             refusal->status, status_phrase(refusal->status),
             strlen(refusal->text));
  put_date(out);
  if (refusal->headers)
    buf_puts(out, refusal->headers);
  if (refusal->retry_s > 0)
    buf_printf(out, "Retry-After: %u\r\n", refusal->retry_s);
  buf_puts(out, "\r\n");
  if (!head)
    buf_puts(out, refusal->text);
}
