/* SPDX-License-Identifier: MIT
 * From a path to a handler. */
#include "edge/web_route.h"

#include "base/utf8.h"
#include "wire/escape.h"

enum {
  PATTERN_BYTES = 256,            /* of a handler: lua/perigee/web.lua */
  KEY_BYTES = 16 + PATTERN_BYTES, /* "@http DELETE " and that */
};

static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

enum { METHOD_GET = 1 };

/* --- the path ----------------------------------------------------------- */

static bool has_control_byte(struct slice path) {
  for (size_t i = 0; i < path.len; i++)
    if ((unsigned char)path.at[i] < ' ' || path.at[i] == 0x7f)
      return true;
  return false;
}

/* Whether a part of the path is "." or "..". */
static bool has_dots(struct slice path) {
  while (path.len > 0) {
    path = slice_after(path, 1); /* the slash */
    const char *slash = memchr(path.at, '/', path.len);
    size_t len = slash ? (size_t)(slash - path.at) : path.len;
    struct slice part = {path.at, len};
    if (slice_equals(part, ".") || slice_equals(part, ".."))
      return true;
    path = slice_after(path, len);
  }
  return false;
}

static bool decode_path(struct web_route *route, struct slice raw) {
  if (raw.len == 0 || raw.len > WEB_PATH_BYTES)
    return false;
  route->path =
      (struct slice){route->room, escape_decode(raw, false, route->room)};
  return route->path.at[0] == '/' && !has_control_byte(route->path) &&
         !has_dots(route->path) && utf8_valid(route->path.at, route->path.len);
}

/* --- handlers ----------------------------------------------------------- */

static const struct handler *find_web(struct generation *generation,
                                      const char *method, struct slice path,
                                      const char *end) {
  char key[KEY_BYTES];
  size_t len = strlen(method), more = strlen(end);
  if (path.len + more > PATTERN_BYTES)
    return NULL;
  memcpy(key, "@http ", 6);
  memcpy(key + 6, method, len);
  len += 6;
  key[len++] = ' ';
  memcpy(key + len, path.at, path.len);
  memcpy(key + len + path.len, end, more);
  return generation_handler(generation, key, len + path.len + more);
}

static const struct handler *find_by_path(struct generation *generation,
                                          const char *method, struct slice path,
                                          struct slice raw, bool *exact) {
  const struct handler *handler = find_web(generation, method, path, "");
  *exact = handler != NULL;
  if (!handler)
    handler = web_paths_find(&generation->paths, method, raw);
  for (size_t len = path.len; !handler && len > 0; len--)
    if (path.at[len - 1] == '/')
      handler = find_web(generation, method, (struct slice){path.at, len}, "*");
  return handler;
}

static bool is_method(struct slice method, size_t i) {
  return slice_equals(method, methods[i]) ||
         (i == 0 && slice_equals(method, "HEAD"));
}

bool web_route_find(struct web_route *route, struct generation *generation,
                    const struct request *request) {
  route->handler = NULL;
  route->methods = 0;
  route->exact = false;
  if (!generation->has_web || !decode_path(route, request->path))
    return false;
  for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
    bool exact;
    const struct handler *handler = find_by_path(
        generation, methods[i], route->path, request->path, &exact);
    if (!handler)
      continue;
    route->exact |= exact;
    route->methods |= 1U << i;
    if (is_method(request->method, i))
      route->handler = handler;
  }
  return route->methods != 0;
}

void web_route_put(const struct web_route *route, struct buf *out) {
  for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
    if (route->methods & 1U << i)
      buf_printf(out, "%s, ", methods[i]);
  buf_puts(out, route->methods & METHOD_GET ? "HEAD, OPTIONS" : "OPTIONS");
}
