/* SPDX-License-Identifier: MIT
 * The port of the clients: which request goes where, and what libwebsockets
 * answers there: health, the browser client, a folder of static files. */
#ifndef EDGE_HTTP_H
#define EDGE_HTTP_H

#include "edge/edge.h"

/* Where each path is served from: config->public by the library's own file
 * server, the rest by http_request. Freed by http_mounts_free. */
const struct lws_http_mount *http_mounts(struct edge *edge);
void http_mounts_free(struct edge *edge);

/* For edge->door, whose `arg` is the edge: a WebSocket goes to edge/upgrade,
 * GET and HEAD of anything else to the library. */
void http_route(void *arg, struct visitor *visitor,
                const struct request *request, struct slice rest);

/* The library's callback: one request that edge/relay has written. */
int http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user,
                  void *in, size_t len);

#endif
