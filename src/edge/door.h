/* SPDX-License-Identifier: MIT
 * From an accepted socket to its requests.
 *
 * The head of each request is read by us (wire/request): plain or over TLS, on
 * the port of the clients and on the admin address. One request is answered at
 * a time. The next is read when all of the answer has left, and only from a
 * client that has waited for that.
 *
 * The connection ends with the answer after a refusal, after a request with a
 * body, and when more came together with a request: only WebSockets and the
 * handlers of scripts read on (edge/upgrade, edge/web). So nothing that a
 * client sent as one thing is taken for another. */
#ifndef EDGE_DOOR_H
#define EDGE_DOOR_H

#include "edge/visitor.h"
#include "wire/request.h"

/* A request, well-formed, and what came behind it. Must lead to visitor_take,
 * visitor_lend, or an answer. */
typedef void door_fn(void *arg, struct visitor *visitor,
                     const struct request *request, struct slice rest);

struct door {
  struct visitors visitors; /* with what its header wants from the caller */
  door_fn *request;         /* set by the caller, too */
  /* Whether the peer has to begin with the PROXY protocol; NULL: nobody. */
  bool (*prefaced)(void *arg, const char *address);
  void *arg;
};

enum { DOOR_REQUESTS_MAX = 100 }; /* of one connection */

/* For the times see visitors_open. */
void door_open(struct door *door, uv_loop_t *loop, uint64_t request_ms,
               uint64_t answer_ms, uint32_t max);

/* One more, from `address`. A TLS handshake comes first if `tls` is not NULL.
 * `limit`: sockets that one address may have here, 0 for any number; one too
 * many is told so and closed. `proxy`: the address is that of many clients. The
 * descriptor is the door's from now on. */
void door_welcome_take(struct door *door, int fd, SSL_CTX *tls,
                       const char *address, uint32_t limit, bool proxy);

/* Whether the connection ends with the answer to this request, whatever came
 * behind its head. */
bool door_is_last(const struct visitor *visitor, const struct request *request);

/* One more, without TLS, of which somebody else has read these bytes. */
void door_resume_take(struct door *door, int fd, const char *address,
                      struct slice read);

/* Refuses an accepted socket at once, and keeps nothing of it. Over TLS there
 * can be no words yet, only an alert. Closes it. */
void door_turn_away(struct door *door, int fd, bool tls, const char *address,
                    const struct refusal *refusal);

#endif
