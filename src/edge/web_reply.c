/* SPDX-License-Identifier: MIT
 * Answers of the scripts. */
#include "edge/web_reply.h"

#include "wire/reply.h"

#include <strings.h>

enum {
  GZIP_BYTES_MIN = 1024,    /* below that a packet is a packet */
  GZIP_BYTES_MAX = 1 << 20, /* beyond that it would hold the loop */
};

static bool has_part(struct slice text, const char *part) {
  size_t len = strlen(part);
  for (size_t i = 0; i + len <= text.len; i++)
    if (!strncasecmp(text.at + i, part, len))
      return true;
  return false;
}

/* Of its type: images and the like are compressed already. */
static bool is_text_type(struct slice type) {
  static const char *const texts[] = {"text/", "json", "javascript", "xml",
                                      "application/wasm"};
  for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
    if (has_part(type, texts[i]))
      return true;
  return false;
}

/* A strong ETag names these very bytes (RFC 9110, 8.8.3). */
static bool may_change(struct slice fields) {
  struct slice value;
  if (reply_has_field(fields, "content-encoding", NULL) ||
      reply_has_field(fields, "content-range", NULL))
    return false;
  if (reply_has_field(fields, "etag", &value) && !has_part(value, "W/"))
    return false;
  return !reply_has_field(fields, "cache-control", &value) ||
         !has_part(value, "no-transform");
}

static bool is_worth_it(const struct web_reply *reply) {
  struct slice type;
  return reply->body.len >= GZIP_BYTES_MIN &&
         reply->body.len <= GZIP_BYTES_MAX && reply->status != 206 &&
         reply_has_field(reply->fields, "content-type", &type) &&
         is_text_type(type) && may_change(reply->fields);
}

static void put_unless(struct buf *out, struct slice fields, const char *name,
                       const char *value) {
  if (!reply_has_field(fields, name, NULL))
    buf_printf(out, "%s: %s\r\n", name, value);
}

static void put_reply_head(struct buf *out, const struct web_reply *reply) {
  struct slice fields = reply->fields;
  reply_begin(out, reply->status);
  buf_printf(out, "Connection: %s\r\n", reply->last ? "close" : "keep-alive");
  buf_put(out, fields.at, fields.len);
  put_unless(out, fields, "Cache-Control", "no-cache");
  put_unless(out, fields, "X-Content-Type-Options", "nosniff");
  if (!reply_has_field(fields, "access-control-allow-origin", NULL))
    buf_put(out, reply->cors.at, reply->cors.len);
}

static void put_reply_length(struct buf *out, const struct web_reply *reply,
                             size_t len) {
  if (reply->status != 204 && reply->status != 304)
    buf_printf(out, "Content-Length: %zu\r\n", len);
  buf_puts(out, "\r\n");
}

void web_reply_put(struct buf *out, const struct web_reply *reply) {
  struct buf small = {0};
  struct slice body = reply->body;
  bool worth = is_worth_it(reply);
  put_reply_head(out, reply);
  if (worth)
    buf_puts(out, "Vary: Accept-Encoding\r\n");
  if (worth && reply->gzip && gzip_put(reply->gzip, &small, body)) {
    buf_puts(out, "Content-Encoding: gzip\r\n");
    body = (struct slice){small.data, small.len};
  }
  put_reply_length(out, reply, body.len);
  if (!reply->head)
    buf_put(out, body.at, body.len);
  buf_free(&small);
}
