/* SPDX-License-Identifier: MIT
 * Paths with names. */
#include "script/web_paths.h"

#include "base/mem.h"
#include "script/generation.h"
#include "wire/escape.h"

#include <string.h>

enum { KEY_HEAD_BYTES = sizeof "@http " - 1 };

struct slice web_path_of(const struct handler *handler) {
  const char *path = strchr(handler->name, '/');
  return (struct slice){path, strlen(path)};
}

static struct slice method_of(const struct handler *handler) {
  const char *method = handler->name + KEY_HEAD_BYTES;
  return (struct slice){method, strcspn(method, " ")};
}

bool web_path_has_names(const struct handler *handler) {
  return strstr(handler->name, "/:") != NULL;
}

struct slice web_path_part(struct slice *rest) {
  *rest = slice_after(*rest, 1); /* the slash */
  const char *slash = memchr(rest->at, '/', rest->len);
  struct slice part = {rest->at,
                       slash ? (size_t)(slash - rest->at) : rest->len};
  *rest = slice_after(*rest, part.len);
  return part;
}

static bool is_name(struct slice part) {
  return part.len > 0 && part.at[0] == ':';
}

static int compare_texts(struct slice a, struct slice b) {
  int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);
  return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* An order of all paths, in which what is literal comes first: so the first
 * that fits is the best. 0: they are for the same paths. */
static int compare_paths(struct slice a, struct slice b) {
  while (a.len > 0 && b.len > 0) {
    struct slice x = web_path_part(&a), y = web_path_part(&b);
    if (is_name(x) != is_name(y))
      return is_name(x) ? 1 : -1;
    int order = is_name(x) ? 0 : compare_texts(x, y);
    if (order != 0)
      return order;
  }
  return (a.len > 0) - (b.len > 0);
}

static int compare_handlers(const struct handler *a, const struct handler *b) {
  int order = compare_texts(method_of(a), method_of(b));
  return order != 0 ? order : compare_paths(web_path_of(a), web_path_of(b));
}

static bool fits_path(struct slice pattern, struct slice path) {
  while (pattern.len > 0 && path.len > 0) {
    struct slice want = web_path_part(&pattern), part = web_path_part(&path);
    if (is_name(want) ? part.len == 0 : !escape_equals(part, want))
      return false;
  }
  return pattern.len == 0 && path.len == 0;
}

const struct handler *web_paths_add(struct web_paths *paths,
                                    const struct handler *handler) {
  size_t place = 0;
  for (; place < paths->count; place++) {
    int order = compare_handlers(handler, paths->handlers[place]);
    if (order == 0)
      return paths->handlers[place];
    if (order < 0)
      break;
  }
  paths->handlers = mem_realloc(paths->handlers,
                                (paths->count + 1) * sizeof(struct handler *));
  memmove(paths->handlers + place + 1, paths->handlers + place,
          (paths->count - place) * sizeof(struct handler *));
  paths->handlers[place] = handler;
  paths->count++;
  return NULL;
}

const struct handler *web_paths_find(const struct web_paths *paths,
                                     const char *method, struct slice path) {
  for (size_t i = 0; i < paths->count; i++) {
    const struct handler *handler = paths->handlers[i];
    if (slice_equals(method_of(handler), method) &&
        fits_path(web_path_of(handler), path))
      return handler;
  }
  return NULL;
}

void web_paths_free(struct web_paths *paths) {
  mem_free(paths->handlers);
  *paths = (struct web_paths){0};
}
