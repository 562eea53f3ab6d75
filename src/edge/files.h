/* SPDX-License-Identifier: MIT
 * The folder of static files, which libwebsockets serves. */
#ifndef EDGE_FILES_H
#define EDGE_FILES_H

#include "wire/slice.h"

#include <libwebsockets.h>
#include <stdbool.h>

/* What is served at which path: `folder` at "/", and the paths of our own by
 * `protocol` of the library's host. `raw_path`: one more of those; empty: none.
 * The texts are borrowed. NULL if `folder` is empty: then everything is ours.
 * The caller frees it with mem_free, after the library. */
struct lws_http_mount *files_mounts(const char *folder, const char *raw_path,
                                    const char *protocol);

/* Whether a path is one of our own, whatever else is served. */
bool files_is_own(struct slice path);

#endif
