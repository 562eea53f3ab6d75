/* SPDX-License-Identifier: MIT
 * Headers of a handshake. */
#include "edge/headers.h"

#include "base/buf.h"
#include "base/mem.h"

#include <ctype.h>
#include <string.h>

enum { PACKED_BYTES_MAX = 8192, VALUE_BYTES_MAX = 4096, NAME_BYTES_MAX = 128 };

/* Of no use to a script, and the same for every client. */
static bool is_plumbing(enum lws_token_indexes token) {
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

static void put(struct buf *out, const char *name, size_t len,
                const char *value) {
  if (out->len + len + strlen(value) + 2 > PACKED_BYTES_MAX)
    return;
  buf_put(out, name, len);
  buf_putc(out, 0);
  buf_put(out, value, strlen(value) + 1);
}

static void pack(struct buf *out, struct lws *wsi,
                 enum lws_token_indexes token) {
  char value[VALUE_BYTES_MAX];
  const char *name = (const char *)lws_token_to_string(token);
  size_t len = name ? strlen(name) : 0;
  /* Real headers end with a colon in the library's table; the rest of it is
   * request lines and HTTP/2. */
  if (len < 2 || name[len - 1] != ':' || name[0] == ':' || is_plumbing(token))
    return;
  if (!headers_get(wsi, token, value, sizeof value))
    return;
  put(out, name, len - 1, value);
}

/* A header by name; the library wants it in lower case, with its colon. */
static void pack_named(struct buf *out, struct lws *wsi, const char *name) {
  char key[NAME_BYTES_MAX], value[VALUE_BYTES_MAX];
  size_t len = strlen(name);
  if (len + 2 > sizeof key)
    return;
  for (size_t i = 0; i < len; i++)
    key[i] = (char)tolower((unsigned char)name[i]);
  memcpy(key + len, ":", 2);
  if (lws_hdr_custom_copy(wsi, value, sizeof value, key, (int)len + 1) > 0)
    put(out, key, len, value);
}

char *headers_pack(struct lws *wsi, char *const *more) {
  struct buf out = {0};
  for (int i = 0; i < WSI_TOKEN_COUNT; i++) {
    enum lws_token_indexes token = (enum lws_token_indexes)i;
    if (lws_hdr_total_length(wsi, token) > 0)
      pack(&out, wsi, token);
  }
  for (; *more; more++)
    pack_named(&out, wsi, *more);
  if (out.len == 0)
    return NULL;
  buf_putc(&out, 0);
  char *packed = mem_alloc_raw(out.len);
  memcpy(packed, out.data, out.len);
  buf_free(&out);
  return packed;
}
