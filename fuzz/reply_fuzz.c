/* SPDX-License-Identifier: MIT
 * Whatever a script names as headers, the head of the answer has these lines
 * and no others, and the body is what it was, compressed or not.
 *
 * The first byte says what the peer takes. Names and values follow, each up to
 * a zero; what is behind an empty name is the body. */
#include "edge/web_reply.h"
#include "wire/reply.h"

#include <stdint.h>
#include <stdlib.h>

#define ZLIB_CONST
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
  if (!ok)
    abort();
}

static struct slice take_text(struct slice *rest) {
  const char *zero = memchr(rest->at, 0, rest->len);
  size_t len = zero ? (size_t)(zero - rest->at) : rest->len;
  struct slice text = {rest->at, len};
  *rest = slice_after(*rest, len + (zero != NULL));
  return text;
}

/* Returns how many lines were let in. */
static size_t take_fields(struct buf *fields, struct slice *rest) {
  size_t count = 0;
  for (;;) {
    struct slice name = take_text(rest);
    if (name.len == 0)
      return count;
    struct slice value = take_text(rest);
    if (reply_field_fault(name, value))
      continue;
    reply_field(fields, name, value);
    count++;
  }
}

static size_t count_lines(struct slice head) {
  size_t count = 0;
  for (size_t i = 0; i < head.len; i++) {
    require(head.at[i] != 0);
    require(head.at[i] != '\r' || (i + 1 < head.len && head.at[i + 1] == '\n'));
    require(head.at[i] != '\n' || (i > 0 && head.at[i - 1] == '\r'));
    count += head.at[i] == '\n';
  }
  return count;
}

static void check_inflated(struct slice packed, struct slice plain) {
  char *out = malloc(plain.len + 1);
  z_stream z = {.next_in = (const unsigned char *)packed.at,
                .avail_in = (unsigned)packed.len,
                .next_out = (unsigned char *)out,
                .avail_out = (unsigned)plain.len + 1};
  require(inflateInit2(&z, 15 + 16) == Z_OK);
  require(inflate(&z, Z_FINISH) == Z_STREAM_END);
  require(z.total_out == plain.len && !memcmp(out, plain.at, plain.len));
  inflateEnd(&z);
  free(out);
}

static void check_reply(const struct buf *out, const struct web_reply *reply,
                        size_t fields) {
  const char *end = memmem(out->data, out->len, "\r\n\r\n", 4);
  require(end != NULL);
  struct slice head = {out->data, (size_t)(end + 4 - out->data)};
  struct slice body =
      slice_after((struct slice){out->data, out->len}, head.len);
  bool packed = !reply_has_field(reply->fields, "content-encoding", NULL) &&
                reply_has_field(head, "content-encoding", NULL);
  size_t lines = count_lines(head);
  /* Status, Date, Connection, four of our own, those of the script, the
   * encoding and Vary, and the empty one. */
  require(lines >= fields + 5 && lines <= fields + 10);
  require(!packed || reply->gzip);
  if (reply->head)
    require(body.len == 0);
  else if (packed)
    check_inflated(body, reply->body);
  else
    require(body.len == reply->body.len &&
            (body.len == 0 || !memcmp(body.at, reply->body.at, body.len)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct gzip *gzip;
  struct buf fields = {0}, body = {0}, out = {0};
  if (size < 1)
    return 0;
  if (!gzip)
    gzip = gzip_new();
  struct slice rest = {(const char *)data + 1, size - 1};
  size_t count = take_fields(&fields, &rest);
  for (int i = 0; i < (data[0] & 4 ? 100 : 1); i++) /* worth compressing */
    buf_put(&body, rest.at, rest.len);
  struct web_reply reply = {
      .status = 200,
      .fields = {fields.len > 0 ? fields.data : "", fields.len},
      .body = {body.len > 0 ? body.data : "", body.len},
      .cors = {"Access-Control-Allow-Origin: *\r\n", 32},
      .gzip = data[0] & 1 ? gzip : NULL,
      .head = data[0] & 2};
  web_reply_put(&out, &reply);
  check_reply(&out, &reply, count);
  buf_free(&fields);
  buf_free(&body);
  buf_free(&out);
  return 0;
}
