/* SPDX-License-Identifier: MIT
 * A request of plain HTTP, from its body to its answer. */
#ifndef EDGE_WEB_EXCHANGE_H
#define EDGE_WEB_EXCHANGE_H

#include "edge/web.h"
#include "edge/web_route.h"
#include "events/tickets.h"
#include "net/network.h"
#include "wire/body.h"
#include "wire/problem.h"

enum web_state { WEB_BODY, WEB_RUNS, WEB_ANSWERS };

/* The loan of its visitor. While the handler runs it is on its own: it may
 * outlive the visitor. */
struct web_exchange {
  struct web *web;
  struct list node;        /* in web->exchanges */
  struct visitor *visitor; /* NULL: it is gone */
  enum web_state state;
  char ip[PROXY_ADDRESS_BYTES];
  char network[NETWORK_BYTES]; /* which it counts for */
  struct buf head;             /* of the request, as it came */
  struct body body;
  struct buf content; /* of the body */
  struct buf ahead;   /* what came behind it */
  struct buf out;     /* the answer; the next byte is at `written` */
  size_t written;
  struct buf cors;          /* lines of the answer */
  size_t held;              /* its part of web->bytes */
  size_t moved;             /* bytes since the deadline was set */
  uint64_t started_ns;      /* when the handler was called */
  bool gzips;               /* the peer takes it */
  struct ticket_item after; /* where the answer waits for events */
  bool *ended;              /* told when the handler has ended; or NULL */
};

/* Its head begins with the method and ends at `end`; both are copied. */
struct web_exchange *web_exchange_new(struct web *web, struct visitor *visitor,
                                      const struct request *request,
                                      const char *end, const char *ip);

/* For the answerer: the visitor is gone, or goes on. */
void web_exchange_over(void *loan);

/* It holds so many bytes more. */
void web_exchange_hold(struct web_exchange *exchange, size_t bytes);

/* The body is whole: calls the handler. The exchange may be gone afterwards. */
void web_exchange_run(struct web_exchange *exchange);

/* Writes more of the answer, likewise. */
void web_exchange_write(struct web_exchange *exchange);

/* Refuses a request, with an exchange or before there is one; the connection
 * ends. `cors` are lines for the head. */
void web_refuse(struct web *web, struct visitor *visitor, struct slice cors,
                struct problem *problem);

#endif
