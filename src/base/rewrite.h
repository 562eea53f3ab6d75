/* SPDX-License-Identifier: MIT
 * Files that are written as a whole. */
#ifndef BASE_REWRITE_H
#define BASE_REWRITE_H

#include "base/attr.h"
#include "base/buf.h"

#include <stdbool.h>

/* Lets the file have this text: a new file takes its place, so that whoever
 * reads sees one or the other. A file that has this text already is left alone;
 * `*changed` (may be NULL) is whether it was not. Returns 0; or ERR_SYSTEM with
 * errno. */
MUST_CHECK int rewrite_file(const char *path, const struct buf *text,
                            bool *changed);

#endif
