/* SPDX-License-Identifier: MIT
 * gzip. */
#include "wire/gzip.h"

#include "base/log.h"
#include "base/mem.h"

#define ZLIB_CONST
#include <zlib.h>

enum {
  WINDOW_BITS = 15 + 16, /* with the header of gzip */
  MEMORY_LEVEL = 8,
  LEVEL = 1, /* a worker has other things to do */
};

struct gzip {
  z_stream stream;
};

struct gzip *gzip_new(void) {
  struct gzip *gzip = mem_alloc(sizeof *gzip);
  if (deflateInit2(&gzip->stream, LEVEL, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    log_fatal("zlib does not start: is it another version than %s?",
              ZLIB_VERSION);
  return gzip;
}

void gzip_free(struct gzip *gzip) {
  if (!gzip)
    return;
  deflateEnd(&gzip->stream);
  mem_free(gzip);
}

bool gzip_put(struct gzip *gzip, struct buf *out, struct slice text) {
  z_stream *z = &gzip->stream;
  deflateReset(z);
  z->next_in = (const unsigned char *)text.at;
  z->avail_in = (unsigned)text.len;
  z->next_out = (unsigned char *)buf_reserve(out, text.len);
  z->avail_out = (unsigned)text.len;
  if (deflate(z, Z_FINISH) != Z_STREAM_END)
    return false;
  out->len += text.len - z->avail_out;
  return true;
}

/* --- Accept-Encoding (RFC 9110, 12.5.3) --------------------------------- */

/* "gzip;q=0": whether the weight behind a coding is zero. */
static bool is_weightless(struct slice weight) {
  const char *sign = memchr(weight.at, '=', weight.len);
  if (!sign)
    return false;
  for (const char *at = sign + 1; at < weight.at + weight.len; at++)
    if (*at >= '1' && *at <= '9')
      return false;
  return true;
}

/* 1: this item takes gzip, 0: it does not, -1: it is about something else. */
static int judge_coding(struct slice item, const char *coding) {
  const char *semicolon = memchr(item.at, ';', item.len);
  size_t len = semicolon ? (size_t)(semicolon - item.at) : item.len;
  if (!slice_is(slice_trim((struct slice){item.at, len}), coding))
    return -1;
  return !is_weightless(slice_after(item, len));
}

bool gzip_is_accepted(struct slice field) {
  int any = -1;
  while (field.len > 0) {
    const char *comma = memchr(field.at, ',', field.len);
    size_t len = comma ? (size_t)(comma - field.at) : field.len;
    struct slice item = {field.at, len};
    int gzip = judge_coding(item, "gzip");
    if (gzip >= 0)
      return gzip;
    if (any < 0)
      any = judge_coding(item, "*");
    field = slice_after(field, len + (comma != NULL));
  }
  return any == 1;
}
