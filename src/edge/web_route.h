/* SPDX-License-Identifier: MIT
 * Which handler of the scripts a request of plain HTTP is for.
 *
 * Paths are compared as they are after decoding; those with names in them part
 * by part (script/web_paths). The exact path comes first, then one with names,
 * then the longest beginning: "/a/b" is for "/a/b", "/a/" and a star, "/" and a
 * star, in this order. A path
 * that two readers could understand differently is for none: one with a part
 * "." or "..", with control bytes, or that is not UTF-8; nor one that is longer
 * than WEB_PATH_BYTES. */
#ifndef EDGE_WEB_ROUTE_H
#define EDGE_WEB_ROUTE_H

#include "base/buf.h"
#include "script/generation.h"
#include "wire/request.h"

enum { WEB_PATH_BYTES = 1024 };

struct web_route {
  char room[WEB_PATH_BYTES];     /* of `path` */
  struct slice path;             /* decoded */
  const struct handler *handler; /* for the method; NULL: none */
  bool exact;       /* a handler of some method has this very path */
  unsigned methods; /* that have a handler here; see web_route_put */
};

/* Looks for it; whether there is any for the path. A HEAD is for the handler of
 * GET. With another method than that of a handler, `handler` is NULL. */
bool web_route_find(struct web_route *route, struct generation *generation,
                    const struct request *request);

/* Appends the methods that are answered there: "GET, HEAD, OPTIONS". */
void web_route_put(const struct web_route *route, struct buf *out);

#endif
