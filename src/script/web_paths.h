/* SPDX-License-Identifier: MIT
 * Paths with names: handlers such as ["@http GET /users/:id"].
 *
 * A part that begins with a colon stands for any one part that is not empty.
 * Of several paths that fit, the one counts whose parts are literal further
 * from the left: "/users/new" is for "/users/:id/" only if nothing better is
 * there.
 *
 * The path that was asked for is taken apart before it is decoded: an escaped
 * slash (%2F) is of its part, as encodeURIComponent means it. */
#ifndef SCRIPT_WEB_PATHS_H
#define SCRIPT_WEB_PATHS_H

#include "wire/slice.h"

#include <stdbool.h>

struct handler;

/* Zeroed: there are none. */
struct web_paths {
  const struct handler **handlers; /* not owned; the first that fits counts */
  size_t count;
};

/* Whether the path of a handler has names. */
bool web_path_has_names(const struct handler *handler);

/* Adds one that has. Returns NULL, or a handler for the same method and the
 * same paths: that is ambiguous, and nothing has been added. */
const struct handler *web_paths_add(struct web_paths *paths,
                                    const struct handler *handler);

/* The handler for a path as it came, which begins with a slash; NULL: none. */
const struct handler *web_paths_find(const struct web_paths *paths,
                                     const char *method, struct slice path);

/* Takes the first part of a path, without its slash, off `rest`. */
struct slice web_path_part(struct slice *rest);

/* The path that a handler is for, as its script has written it. */
struct slice web_path_of(const struct handler *handler);

void web_paths_free(struct web_paths *paths);

#endif
