/* SPDX-License-Identifier: MIT
 * Headers of a handshake. */
#include "edge/headers.h"

#include "base/buf.h"
#include "base/mem.h"

#include <ctype.h>
#include <string.h>

static const char *const well_known[] = {
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "authorization",
    "cache-control",
    "content-type",
    "cookie",
    "date",
    "dnt",
    "expect",
    "forwarded",
    "from",
    "host",
    "max-forwards",
    "origin",
    "pragma",
    "referer",
    "user-agent",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
};

static bool is_kept(struct slice name, char *const *more) {
  for (size_t i = 0; i < ARRAY_SIZE(well_known); i++)
    if (slice_is(name, well_known[i]))
      return true;
  for (; *more; more++)
    if (slice_is(name, *more))
      return true;
  return false;
}

static bool is_same(struct slice a, struct slice b) {
  if (a.len != b.len)
    return false;
  for (size_t i = 0; i < a.len; i++)
    if (tolower((unsigned char)a.at[i]) != tolower((unsigned char)b.at[i]))
      return false;
  return true;
}

/* The first line of a field, from `from` on; `count` if there is none. */
static size_t find_header(const struct request *request, struct slice name,
                          size_t from) {
  while (from < request->count && !is_same(request->fields[from].name, name))
    from++;
  return from;
}

static void put_headers_line(struct buf *out, const struct request *request,
                             size_t at) {
  struct slice name = request->fields[at].name;
  const char *between = slice_is(name, "cookie") ? "; " : ", ";
  for (size_t i = 0; i < name.len; i++)
    buf_putc(out, (char)tolower((unsigned char)name.at[i]));
  buf_putc(out, 0);
  for (size_t i = at; i < request->count;
       i = find_header(request, name, i + 1)) {
    if (i > at)
      buf_puts(out, between);
    buf_put(out, request->fields[i].value.at, request->fields[i].value.len);
  }
  buf_putc(out, 0);
}

/* `more` is NULL: all of them are kept. */
static char *pack_headers(const struct request *request, char *const *more) {
  struct buf out = {0};
  for (size_t i = 0; i < request->count; i++) {
    struct slice name = request->fields[i].name;
    if (request->fields[i].value.len > 0 && (!more || is_kept(name, more)) &&
        find_header(request, name, 0) == i)
      put_headers_line(&out, request, i);
  }
  if (out.len == 0)
    return NULL;
  buf_putc(&out, 0);
  char *packed = mem_alloc_raw(out.len);
  memcpy(packed, out.data, out.len);
  buf_free(&out);
  return packed;
}

char *headers_pack(const struct request *request, char *const *more) {
  return pack_headers(request, more);
}

char *headers_pack_all(const struct request *request) {
  return pack_headers(request, NULL);
}
