/* SPDX-License-Identifier: MIT
 * What a call is given in its URL: the path, where one argument may stand, and
 * the query. */
#ifndef API_URL_H
#define API_URL_H

#include "api/args.h"

/* Reads a path, which has to fit `pattern` ("/users/{user}"), and a query, both
 * as they stand in the target. Escapes are taken out. For the rest it is as
 * api_args_read. */
MUST_CHECK bool api_url_read(struct api_args *args,
                             const struct api_wants *wants, const char *pattern,
                             struct slice path, struct slice query,
                             struct buf *scratch, struct problem *problem);

/* Whether a path fits the pattern. */
bool api_url_fits(const char *pattern, struct slice path);

/* The argument that stands in braces in a pattern; API_ARG_COUNT: none. */
enum api_arg api_url_arg(const char *pattern);

#endif
