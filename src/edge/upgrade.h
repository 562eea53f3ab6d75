/* SPDX-License-Identifier: MIT
 * The handshake of a WebSocket (RFC 6455, 4.2): who may, and the answer. */
#ifndef EDGE_UPGRADE_H
#define EDGE_UPGRADE_H

#include "edge/edge.h"

/* Whether a request is about WebSockets: it is for one of their paths, or asks
 * for one at another. An upgrade to anything else is none (RFC 9110, 7.8). */
bool upgrade_is_meant(const struct edge *edge, const struct request *request);

/* Lets it in, or says why not: 404 for another path, 403 for a foreign origin,
 * 503 while draining and when too many come, 400 and 426 for a handshake that
 * is none. What came behind the request are its first frames. */
void upgrade_take(struct edge *edge, struct visitor *visitor,
                  const struct request *request, struct slice rest);

#endif
