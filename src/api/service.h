/* SPDX-License-Identifier: MIT
 * What the API does with a request: whose key, which call, its body, its
 * answer.
 *
 * All on the API's own thread, but api_service_print. */
#ifndef API_SERVICE_H
#define API_SERVICE_H

#include "api/call.h"
#include "api/console_sessions.h"
#include "api/desk.h"
#include "api/http.h"
#include "api/keys.h"
#include "api/repeat.h"
#include "edge/listen.h"
#include "edge/quiet.h"
#include "hub/rates.h"
#include "trace/board.h"

#include <stdatomic.h>

/* Where a connection has come in. */
enum api_origin { API_ORIGIN_OWN, API_ORIGIN_ADMIN };

enum { API_CALLS_MAX = 32 };

struct api_figures {
  _Atomic uint64_t done[API_CALLS_MAX];   /* by the row of the table */
  _Atomic uint64_t failed[API_CALLS_MAX]; /* with a problem */
  _Atomic uint64_t refused;               /* before there was a call */
  _Atomic uint64_t connections;
  _Atomic uint64_t entered; /* sessions of the console */
};

/* A request that came in at the admin address and is none of ours. The socket
 * is the function's, with the bytes that were read from it. */
typedef void api_foreign_fn(void *arg, int fd, const char *ip,
                            struct slice read);

struct api_service {
  struct http http;
  struct api_keys *keys;
  const struct config *config;        /* holds a reference */
  struct bus *bus;                    /* borrowed */
  struct engine *engine;              /* borrowed */
  struct presence *presence;          /* borrowed */
  const struct jwt_key *tokens;       /* of clients; borrowed */
  char clients[LISTEN_ADDRESS_BYTES]; /* where they connect */
  struct turn turn;                   /* of what is read from it */
  struct desk *const *desks; /* of the workers, one for each; borrowed */
  struct mailbox answers;    /* of the scripts */
  uint32_t asked;            /* questions that are not answered */
  struct trace_board *board; /* borrowed */
  struct list tracings;      /* of api/tracing: traces that are told */
  uv_timer_t tracing_tick;   /* runs while there are any */
  api_foreign_fn *foreign;
  void *arg; /* for it */
  struct repeats repeats;
  struct console_sessions sessions;
  struct rates refusals; /* 401, by address */
  struct quiet quiet;
  struct buf scratch, text;
  struct api_figures figures;
};

/* `config` is counted. bus, foreign and arg are set by the caller. */
void api_service_open(struct api_service *service, const struct config *config,
                      struct poller *poller, uv_loop_t *loop);

/* Requests from now on are served by this configuration. The reference is the
 * service's. */
void api_service_configure_take(struct api_service *service,
                                const struct config *config);

/* Ends all connections. The loop must run until its handles are closed. */
void api_service_close(struct api_service *service);

/* After that. */
void api_service_free(struct api_service *service);

/* A problem for who has no key that is good, and nothing else that is: the same
 * for a missing one and a wrong one. Returns false. */
bool api_service_refuse_key(struct api_service *service, struct http_conn *conn,
                            struct problem *problem);

/* Appends its figures for /metrics. By any thread. */
void api_service_print(const struct api_service *service, struct buf *out);

#endif
