/* SPDX-License-Identifier: MIT
 * Pages of other origins, and the handlers of plain HTTP (Fetch, 3.2).
 *
 * The option `origins` says which pages are trusted, as for WebSockets. Such a
 * page may read answers, and may ask with cookies if an entry names its origin
 * (`*` names none). A page that is not trusted may not change anything: its
 * POST, PUT, PATCH and DELETE are refused before a script sees them, because
 * the browser adds the user's cookies to them. Programs send no origin. */
#ifndef EDGE_CORS_H
#define EDGE_CORS_H

#include "base/buf.h"
#include "wire/request.h"

#include <stdbool.h>

struct config;

/* Whether the request may be handed to a script. */
bool cors_may_ask(const struct config *config, const struct request *request);

/* Appends the lines of an answer that say who may read it. */
void cors_put(struct buf *out, const struct config *config,
              const struct request *request);

/* Appends those of the answer to a preflight; `methods` is the value of
 * `Allow`. Nothing if the page is not trusted, or it is none. */
void cors_put_preflight(struct buf *out, const struct config *config,
                        const struct request *request, struct slice methods);

#endif
