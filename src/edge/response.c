/* SPDX-License-Identifier: MIT
 * Answers of plain HTTP. */
#include "edge/response.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

enum { HEADERS_BYTES = 1024 };

struct response response_text(unsigned status, const char *body) {
  return (struct response){.status = status, .body = body, .len = strlen(body)};
}

static int put_response_header(struct lws *wsi, const char *name,
                               const char *value, unsigned char **at,
                               unsigned char *end) {
  return lws_add_http_header_by_name(wsi, (const unsigned char *)name,
                                     (const unsigned char *)value,
                                     (int)strlen(value), at, end);
}

/* A page of another origin may read it; another page may not. */
static int put_reader(struct lws *wsi, const char *reader, unsigned char **at,
                      unsigned char *end) {
  return put_response_header(wsi, "access-control-allow-origin:", reader, at,
                             end) ||
         put_response_header(wsi, "vary:", "origin", at, end);
}

static int put_retry(struct lws *wsi, unsigned seconds, unsigned char **at,
                     unsigned char *end) {
  char text[16];
  snprintf(text, sizeof text, "%u", seconds);
  return put_response_header(wsi, "retry-after:", text, at, end);
}

static int put_response_headers(struct lws *wsi,
                                const struct response *response,
                                unsigned char **at, unsigned char *end) {
  const char *type = response->type ? response->type : "text/plain";
  if (lws_add_http_common_headers(wsi, response->status, type, response->len,
                                  at, end))
    return -1;
  /* Nothing here is worth asking an old copy for. */
  if (put_response_header(wsi, "cache-control:", "no-cache", at, end))
    return -1;
  if (response->reader && put_reader(wsi, response->reader, at, end))
    return -1;
  if (response->retry_s > 0 && put_retry(wsi, response->retry_s, at, end))
    return -1;
  return lws_finalize_http_header(wsi, at, end);
}

int response_write(struct lws *wsi, const struct response *response) {
  unsigned char *room = mem_alloc_raw(LWS_PRE + HEADERS_BYTES + response->len);
  unsigned char *start = room + LWS_PRE, *at = start;
  int result = -1;
  if (put_response_headers(wsi, response, &at, start + HEADERS_BYTES))
    goto out;
  if (!response->head && !lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI)) {
    memcpy(at, response->body, response->len);
    at += response->len;
  }
  if (lws_write(wsi, start, (size_t)(at - start), LWS_WRITE_HTTP_FINAL) >= 0)
    result = 0;
out:
  mem_free(room);
  return result;
}

int response_end(struct lws *wsi, struct response response) {
  if (response_write(wsi, &response) || lws_http_transaction_completed(wsi))
    return -1;
  return 0;
}

int response_end_text(struct lws *wsi, unsigned status, const char *body) {
  return response_end(wsi, response_text(status, body));
}
