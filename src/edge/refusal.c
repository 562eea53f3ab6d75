/* SPDX-License-Identifier: MIT
 * Refusals in words. */
#include "edge/refusal.h"

#include <time.h>

static const char *reason(unsigned status) {
  switch (status) {
  case 400:
    return "Bad Request";
  case 403:
    return "Forbidden";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 408:
    return "Request Timeout";
  case 411:
    return "Length Required";
  case 413:
    return "Content Too Large";
  case 414:
    return "URI Too Long";
  case 426:
    return "Upgrade Required";
  case 429:
    return "Too Many Requests";
  case 431:
    return "Request Header Fields Too Large";
  case 500:
    return "Internal Server Error";
  case 501:
    return "Not Implemented";
  case 503:
    return "Service Unavailable";
  case 505:
    return "HTTP Version Not Supported";
  default:
    return "Refused";
  }
}

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
             refusal->status, reason(refusal->status), strlen(refusal->text));
  put_date(out);
  if (refusal->headers)
    buf_puts(out, refusal->headers);
  if (refusal->retry_s > 0)
    buf_printf(out, "Retry-After: %u\r\n", refusal->retry_s);
  buf_puts(out, "\r\n");
  if (!head)
    buf_puts(out, refusal->text);
}
