/* SPDX-License-Identifier: MIT
 * Plain HTTP that scripts answer: handlers ["@http METHOD /path"].
 *
 *   WEB_BODY ──► WEB_RUNS ──► WEB_ANSWERS ──► the visitor's next request
 *       └──────────┴── refused in words, or the visitor is gone
 *
 * BODY: the body comes, within the time of a request. RUNS: the handler does,
 * and may wait; the socket is not read. ANSWERS: the answer leaves.
 *
 * The head is kept, and routed again when the body is whole: the scripts that
 * are live then answer. Who goes away while a handler waits ends nothing but
 * his place: the handler goes on, to its end or its timeout.
 *
 * Strangers ask, so all of it is bounded: the requests under way, a share of
 * them for each address, and the bytes that all of them hold. */
#ifndef EDGE_WEB_H
#define EDGE_WEB_H

#include "edge/believed.h"
#include "edge/visitor.h"
#include "protocol/client.h"
#include "wire/gzip.h"
#include "wire/request.h"

struct web {
  struct protocol *protocol; /* set by the caller, as are those below */
  const struct config *config;
  struct believed *believed;
  const struct proxies *proxies;
  unsigned char *input;  /* TRANSPORT_BLOCK_BYTES: nobody else's meanwhile */
  bool draining;         /* each connection ends with its answer */
  struct gzip *gzip;     /* NULL: nobody has asked for it yet */
  struct list exchanges; /* web_exchange->node */
  uint32_t count;        /* of these */
  size_t bytes;          /* that they hold */
};

void web_open(struct web *web);

/* When the loop has ended, and all handlers have. */
void web_free(struct web *web);

/* If a handler's path is asked for, answers the request, or says why not, and
 * returns true. `rest` is what came behind its head. */
bool web_take(struct web *web, struct visitor *visitor,
              const struct request *request, struct slice rest);

#endif
