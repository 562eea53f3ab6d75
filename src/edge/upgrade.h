/* SPDX-License-Identifier: MIT
 * The handshake of a WebSocket (RFC 6455, 4.2): who may, and the answer. */
#ifndef EDGE_UPGRADE_H
#define EDGE_UPGRADE_H

#include "config/config.h"
#include "edge/believed.h"
#include "edge/handshakes.h"
#include "edge/visitor.h"
#include "wire/deflate.h"
#include "wire/request.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>

struct protocol;
struct sockets;

struct upgrade {
  struct sockets *sockets; /* where connections go; borrowed, as are: */
  struct protocol *protocol;
  const struct config *config;
  struct deflate *deflate; /* NULL if it is not enabled */
  EVP_MD *sha1;            /* owned by edge/edge, as is: */
  struct proxies proxies;
  struct believed believed;
  struct handshakes handshakes;
  bool draining; /* nobody is let in */
};

/* One more handshake from that address. Returns 0, or the milliseconds until it
 * may come again; the refusal is counted. A proxy's own address is none. */
uint32_t upgrade_take_handshake(struct upgrade *upgrade, const char *address);

/* Whether a request is about WebSockets: it is for one of their paths, or asks
 * for one at another. An upgrade to anything else is none (RFC 9110, 7.8). */
bool upgrade_is_meant(const struct upgrade *upgrade,
                      const struct request *request);

/* Lets the visitor in, or says why not: 404 for another path, 403 for a foreign
 * origin, 503 while draining and when too many come, 400 and 426 for a
 * handshake that is none. What came behind the request (`rest`) are its first
 * frames. */
void upgrade_take(struct upgrade *upgrade, struct visitor *visitor,
                  const struct request *request, struct slice rest);

#endif
