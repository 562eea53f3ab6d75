/* SPDX-License-Identifier: MIT
 * Plain HTTP on the port of the WebSockets: health, the browser client, a
 * folder of static files, and the decision whether to upgrade. */
#ifndef EDGE_HTTP_H
#define EDGE_HTTP_H

#include "edge/edge.h"

/* Where each path is served from: config->public by the library's own file
 * server, the rest by http_request. Freed by http_mounts_free. */
const struct lws_http_mount *http_mounts(struct edge *edge);
void http_mounts_free(struct edge *edge);

/* A request for an upgrade: 0 lets it through; otherwise it was answered
 * (404 for another path, 403 for a foreign origin, 503 while draining, and
 * with Retry-After when too many come) and the result is what the library
 * wants to see. */
int http_confirm_upgrade(struct edge *edge, struct lws *wsi);

/* Whether the request is for raw.path. */
bool http_is_raw(const struct edge *edge, struct lws *wsi);

/* Any other request. */
int http_request(struct edge *edge, struct lws *wsi);

#endif
