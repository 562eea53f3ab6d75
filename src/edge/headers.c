/* SPDX-License-Identifier: MIT
 * Headers of a handshake. */
#include "edge/headers.h"

#include "base/buf.h"
#include "base/mem.h"

#include <string.h>

enum { PACKED_BYTES_MAX = 8192, VALUE_BYTES_MAX = 4096 };

/* Of no use to a script, and the same for every client. */
static bool is_plumbing(int token) {
  switch (token) {
  case WSI_TOKEN_CONNECTION:
  case WSI_TOKEN_UPGRADE:
  case WSI_TOKEN_KEY:
  case WSI_TOKEN_VERSION:
  case WSI_TOKEN_EXTENSIONS:
    return true;
  default:
    return false;
  }
}

bool headers_get(struct lws *wsi, enum lws_token_indexes token, char *out,
                 size_t cap) {
  return lws_hdr_copy(wsi, out, (int)cap, token) > 0;
}

static void pack(struct buf *out, struct lws *wsi, int token) {
  char value[VALUE_BYTES_MAX];
  const char *name = (const char *)lws_token_to_string(token);
  size_t len = name ? strlen(name) : 0;
  /* Real headers end with a colon in the library's table; the rest of it is
   * request lines and HTTP/2. */
  if (len < 2 || name[len - 1] != ':' || name[0] == ':' || is_plumbing(token))
    return;
  if (!headers_get(wsi, token, value, sizeof value))
    return;
  if (out->len + len + strlen(value) + 2 > PACKED_BYTES_MAX)
    return;
  buf_put(out, name, len - 1);
  buf_putc(out, 0);
  buf_put(out, value, strlen(value) + 1);
}

char *headers_pack(struct lws *wsi) {
  struct buf out = {0};
  for (int token = 0; token < WSI_TOKEN_COUNT; token++)
    if (lws_hdr_total_length(wsi, (enum lws_token_indexes)token) > 0)
      pack(&out, wsi, token);
  if (out.len == 0)
    return NULL;
  buf_putc(&out, 0);
  char *packed = mem_alloc_raw(out.len);
  memcpy(packed, out.data, out.len);
  buf_free(&out);
  return packed;
}
