/* SPDX-License-Identifier: MIT
 * One request to the backend. */
#include "events/post.h"

#include "base/buf.h"
#include "base/utf8.h"
#include "events/signature.h"

#include <string.h>
#include <time.h>

/* Name and value, each with its zero. */
static void put_post_header(struct buf *out, const char *name,
                            const char *value) {
  buf_put(out, name, strlen(name) + 1);
  buf_put(out, value, strlen(value) + 1);
}

static void put_signature(struct buf *out, const char *secret, const char *body,
                          size_t len) {
  struct buf value = {0};
  if (!*secret)
    return;
  signature_put(secret, (int64_t)time(NULL), body, len, &value);
  buf_putc(&value, 0);
  put_post_header(out, "Perigee-Signature", value.data);
  buf_free(&value);
}

enum fetch_code post_start(struct fetcher *fetcher, const char *url,
                           const char *secret, const char *body, size_t len,
                           fetch_done_fn *done, void *arg, struct fetch **fetch,
                           const char **why) {
  struct buf headers = {0};
  put_post_header(&headers, "User-Agent", "perigee/" PERIGEE_VERSION);
  put_signature(&headers, secret, body, len);
  struct fetch_request request = {
      .url = url,
      .method = "POST",
      .headers = {headers.data, headers.len},
      .body = body,
      .body_len = len,
      .body_type = "application/json",
      .timeout_ms = POST_MS,
      .connect_timeout_ms = POST_CONNECT_MS,
      .max_bytes = POST_ANSWER_BYTES,
      .done = done,
      .arg = arg,
  };
  enum fetch_code code = fetch_start(fetcher, &request, fetch, why);
  buf_free(&headers);
  return code;
}

enum post_verdict post_verdict(const struct fetch_result *result) {
  int status = result->status;
  if (result->code != FETCH_OK)
    return result->code == FETCH_TOO_LARGE ? POST_FAILED : POST_LATER;
  if (status >= 200 && status < 300)
    return POST_TAKEN;
  if (status == 408 || status == 429 || (status >= 502 && status <= 504))
    return POST_LATER;
  return status >= 400 && status < 500 ? POST_REFUSED : POST_FAILED;
}

void post_answer_text(const struct fetch_result *result, char *text,
                      size_t size) {
  size_t len = result->body_len;
  if (len >= size) /* no character is cut */
    for (len = size - 1; len > 0 && (result->body[len] & 0xc0) == 0x80;)
      len--;
  bool valid = utf8_valid(result->body, len);
  for (size_t i = 0; i < len; i++) {
    unsigned char byte = (unsigned char)result->body[i];
    bool odd = byte == 0 || (byte >= 0x80 && !valid);
    text[i] = odd ? '?' : (char)byte;
  }
  text[len] = 0;
}
