/* SPDX-License-Identifier: MIT
 * Refusals in words. */
#include "edge/refusal.h"

#include "wire/reply.h"

void refusal_write(struct buf *out, const struct refusal *refusal, bool head) {
  reply_begin(out, refusal->status);
  buf_printf(out,
             "Connection: close\r\nContent-Type: %s\r\n"
             "Content-Length: %zu\r\nCache-Control: no-cache\r\n",
             refusal->type ? refusal->type : "text/plain; charset=utf-8",
             strlen(refusal->text));
  if (refusal->headers)
    buf_puts(out, refusal->headers);
  if (refusal->retry_s > 0)
    buf_printf(out, "Retry-After: %u\r\n", refusal->retry_s);
  buf_puts(out, "\r\n");
  if (!head)
    buf_puts(out, refusal->text);
}
