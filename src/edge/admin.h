/* SPDX-License-Identifier: MIT
 * The admin address: plain HTTP for the operator, on the main thread's loop,
 * so that it answers while a worker is busy.
 *
 *   GET  /healthz        ok, or 503 while draining or when a loop stands still
 *   GET  /metrics        text format of Prometheus
 *   GET  /stats          the same figures as JSON
 *   POST /reload         loads the scripts, answers what came of it
 *   POST /reload?check=1 builds them only
 *
 * Nobody is asked who they are: the address is a private one. But a browser
 * on the same machine runs the pages of strangers, so whatever looks like one
 * is refused: a request with an Origin, or for a host name that is neither
 * localhost nor ours.
 *
 * What is answered is said by others: this file knows HTTP and no server. */
#ifndef EDGE_ADMIN_H
#define EDGE_ADMIN_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/stats.h"
#include "edge/door.h"
#include "edge/library.h"
#include "edge/listen.h"
#include "edge/quiet.h"
#include "edge/relay.h"
#include "net/poller.h"

#include <stdbool.h>
#include <uv.h>

/* A request that waits for its answer. The client may go meanwhile. */
struct admin_request;

/* Each function must lead to one admin_answer, at once or later, but for
 * `health`: the status of the answer, and its words appended to `text`. */
struct admin_calls {
  unsigned (*health)(void *arg, struct buf *text);
  void (*metrics)(void *arg, struct admin_request *request);
  void (*stats)(void *arg, struct admin_request *request);
  void (*reload)(void *arg, struct admin_request *request, bool check);
};

struct admin {
  const struct admin_calls *calls;
  void *arg;      /* for them */
  char host[256]; /* of admin.listen: a name by which it may be asked for */
  struct library library;
  struct relays relays;
  struct door door;
  struct poller poller;
  struct quiet quiet;
  unsigned char *input; /* TRANSPORT_BLOCK_BYTES; NULL: there is no door */
  uv_prepare_t end_of_turn;
  struct listener listener;
  struct stats stats; /* of door and listener; nobody reads it */
  int fd; /* listening, -1: not; the listener's once admin_start was called */
  char address[LISTEN_ADDRESS_BYTES]; /* bound: "127.0.0.1:8081" */
};

/* Whether there is an admin address, which answers. */
static inline bool admin_is_open(const struct admin *admin) {
  return admin->library.vhost != NULL;
}

/* Opens `listen` ("host:port"); accepts nobody yet. ERR_SYSTEM with a line in
 * `error` that names admin.listen; then admin_close all the same. */
MUST_CHECK int admin_open(struct admin *admin, const char *listen,
                          uv_loop_t *loop, struct buf *error);

/* Accepts from now on. */
void admin_start(struct admin *admin, uv_loop_t *loop,
                 const struct admin_calls *calls, void *arg);

/* Answers; the request is gone afterwards. `type` is a static text, the bytes
 * are the admin's from now on and `body` is empty. */
void admin_answer(struct admin_request *request, unsigned status,
                  const char *type, struct buf *body);

/* When every request is answered, also when it was never opened (`fd` is -1
 * then): starts to end everything; the loop must run until nothing is left. */
void admin_close(struct admin *admin);

/* After that; also when it was never opened. */
void admin_free(struct admin *admin);

#endif
