/* SPDX-License-Identifier: MIT
 * Whatever comes as a body, it is the same however it is cut, no longer than it
 * may be, and what is left belongs to the next request.
 *
 * The first two bytes say how it is announced; the rest is what is sent. */
#include "wire/body.h"

#include "base/buf.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
  enum body_result result;
  size_t left;
  struct buf content;
};

static void require(bool ok) {
  if (!ok)
    abort();
}

static struct outcome read_body(const struct request *request, size_t max,
                                const char *data, size_t size, size_t step) {
  struct body body;
  struct outcome outcome = {.result = BODY_MORE, .left = size};
  body_begin(&body, request, max);
  do {
    size_t len = outcome.left < step ? outcome.left : step;
    char *piece = malloc(len ? len : 1); /* a byte too far is seen */
    require(piece != NULL);
    memcpy(piece, data + (size - outcome.left), len);
    struct slice in = {piece, len}, out;
    do {
      outcome.result = body_read(&body, &in, &out);
      require(out.len == 0 || (out.at >= piece && out.at + out.len <= in.at));
      buf_put(&outcome.content, out.at, out.len);
    } while (outcome.result == BODY_MORE && in.len > 0);
    outcome.left -= len - in.len;
    free(piece);
  } while (outcome.result == BODY_MORE && outcome.left > 0);
  require(outcome.content.len <= max);
  return outcome;
}

/* What is taken is the whole of what was announced. */
static void check_length(const struct request *request,
                         const struct outcome *outcome, size_t max) {
  if (request->chunked || outcome->result == BODY_BAD)
    return;
  if (outcome->result == BODY_DONE)
    require(outcome->content.len == request->length);
  if (outcome->result == BODY_LARGE)
    require(request->length > max);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  if (size < 2)
    return 0;
  struct request request = {.chunked = bytes[0] & 1,
                            .length = bytes[0] & 1 ? 0 : bytes[0]};
  size_t max = bytes[1];
  const char *data = (const char *)bytes + 2;
  size -= 2;
  struct outcome whole = read_body(&request, max, data, size, SIZE_MAX);
  check_length(&request, &whole, max);
  for (size_t step = 1; step < 8; step += 2) {
    struct outcome cut = read_body(&request, max, data, size, step);
    require(cut.result == whole.result);
    if (whole.result == BODY_DONE || whole.result == BODY_MORE) {
      require(cut.left == whole.left);
      require(cut.content.len == whole.content.len);
      require(cut.content.len == 0 ||
              !memcmp(cut.content.data, whole.content.data, cut.content.len));
    }
    buf_free(&cut.content);
  }
  buf_free(&whole.content);
  return 0;
}
