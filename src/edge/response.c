/* SPDX-License-Identifier: MIT
 * Answers of plain HTTP. */
#include "edge/response.h"

#include "base/mem.h"

#include <string.h>

enum { HEADERS_BYTES = 1024 };

struct response response_text(unsigned status, const char *body) {
  return (struct response){.status = status, .body = body, .len = strlen(body)};
}

static int put_headers(struct lws *wsi, const struct response *response,
                       unsigned char **at, unsigned char *end) {
  const char *type = response->type ? response->type : "text/plain";
  if (lws_add_http_common_headers(wsi, response->status, type, response->len,
                                  at, end))
    return -1;
  /* Nothing here is worth asking an old copy for. */
  if (lws_add_http_header_by_name(wsi, (const unsigned char *)"cache-control:",
                                  (const unsigned char *)"no-cache", 8, at,
                                  end))
    return -1;
  if (response->header &&
      lws_add_http_header_by_name(wsi, (const unsigned char *)response->header,
                                  (const unsigned char *)response->value,
                                  (int)strlen(response->value), at, end))
    return -1;
  return lws_finalize_http_header(wsi, at, end);
}

int response_write(struct lws *wsi, const struct response *response) {
  unsigned char *room = mem_alloc_raw(LWS_PRE + HEADERS_BYTES + response->len);
  unsigned char *start = room + LWS_PRE, *at = start;
  int result = -1;
  if (put_headers(wsi, response, &at, start + HEADERS_BYTES))
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
