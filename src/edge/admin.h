/* SPDX-License-Identifier: MIT
 * The admin address: plain HTTP for the operator. It is served on the loop of
 * the main thread, and so answers while a worker is busy.
 *
 *   GET  /healthz        ok, or 503 while draining or when a loop stands still
 *   GET  /readyz         ok, or 503 while clients should not be sent here
 *   GET  /nodes          the machines that serve together, as JSON
 *   GET  /metrics        text format of Prometheus
 *   GET  /stats          the same figures as JSON
 *   GET  /stats?collect=1  after the garbage of scripts was freed
 *   GET  /interface      what the live scripts declare, as JSON Schema
 *   POST /reload         loads the scripts, answers what came of it
 *   POST /reload?check=1 builds them only
 *   POST /reload?all=1   the same on all machines: all load, or none does
 *
 * The console, and the HTTP API, have the same address: see api/api.
 *
 * Nobody is asked for a password: the address is a private one. But a browser
 * on the same machine runs the pages of strangers. So whatever looks like a
 * browser is refused: a request with an Origin, or one for a host name that is
 * neither localhost nor ours. The console's own page is not, when its operator
 * has shown a key.
 *
 * This file knows HTTP and no server. What is answered is said by the caller
 * (struct admin_calls). */
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

/* A request that waits for its answer. Its client may go meanwhile. */
struct admin_request;

/* `health` and `ready` return the status of the answer, and append its words to
 * `text`. Each of the others must lead to one admin_answer, at once or later.
 */
struct admin_calls {
  /* Whether a request comes from the console's page, in a session
   * (api/console).
   */
  bool (*is_from_console)(void *arg, const struct request *request);
  unsigned (*health)(void *arg, struct buf *text);
  unsigned (*ready)(void *arg, struct buf *text);
  void (*nodes)(void *arg, struct admin_request *request);
  void (*metrics)(void *arg, struct admin_request *request);
  void (*stats)(void *arg, struct admin_request *request, bool collect);
  void (*interface)(void *arg, struct admin_request *request);
  void (*reload)(void *arg, struct admin_request *request, bool check,
                 bool all);
};

/* A socket whose request begins with the path /api/, and what was read from it.
 * The descriptor is the function's. */
typedef void admin_pass_fn(void *arg, int fd, const char *ip,
                           struct slice read);

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
  int fd; /* listening, -1: not; somebody else's once that accepts */
  bool listens;
  admin_pass_fn *pass; /* NULL: there is no API */
  void *pass_arg;
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

/* Or somebody else accepts, who answers calls of the API himself, and hands on
 * the other sockets with admin_resume_take. Those that ask for a call later go
 * back with `pass`. Returns the listening socket, which is the caller's. */
int admin_start_behind(struct admin *admin, const struct admin_calls *calls,
                       void *arg, admin_pass_fn *pass, void *pass_arg);

/* A socket, and what was read from it. */
void admin_resume_take(struct admin *admin, int fd, const char *ip,
                       struct slice read);

/* Answers. The request is gone afterwards. `type` is a static text. The bytes
 * belong to the admin from now on, and `body` is empty. */
void admin_answer(struct admin_request *request, unsigned status,
                  const char *type, struct buf *body);

/* Starts to end everything; the loop must run until nothing is left in it. All
 * requests must have been answered. May be called when it was never opened
 * (then `fd` is -1). */
void admin_close(struct admin *admin);

/* After that; also when it was never opened. */
void admin_free(struct admin *admin);

#endif
