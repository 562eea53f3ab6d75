/* SPDX-License-Identifier: MIT
 * The HTTP API for backends: its thread, and where it listens.
 *
 * It has a loop and a thread of its own. No script runs on it, and it waits for
 * no worker: so it answers while scripts compute. It listens on api.listen, and
 * on the admin address. There it takes all sockets, because the main thread
 * builds generations, which may take long. What is asked for there and is no
 * call goes to the main thread, with its socket (edge/admin); and when that
 * socket asks for a call one day, it comes back. */
#ifndef API_API_H
#define API_API_H

#include "api/service.h"
#include "edge/listen.h"
#include "net/mailbox.h"

struct api_wiring {
  const struct config *config;
  struct bus *bus;              /* borrowed; it must outlive the API */
  struct engine *engine;        /* borrowed, too */
  struct presence *presence;    /* borrowed, too */
  struct desk *const *desks;    /* of its workers; borrowed, too */
  const struct jwt_key *tokens; /* of clients; borrowed, too */
  const char *clients;          /* the address where they connect */
  struct trace_board *board;    /* of traces; borrowed, too */
  uv_loop_t *main_loop;         /* where `foreign` is called */
  /* Requests at the admin address that are no calls; see service.h. */
  api_foreign_fn *foreign;
  void *arg;
};

struct api;

/* Opens api.listen, if there is one. NULL with a line in `error`. There must be
 * keys (api_is_wanted). */
MUST_CHECK struct api *api_new(const struct api_wiring *wiring,
                               struct buf *error);

static inline bool api_is_wanted(const struct config *config) {
  return *config->api_keys;
}

/* Starts the thread. `admin_fd`, the listening socket of the admin address, is
 * the API's from now on; -1: there is none. */
void api_start_take(struct api *api, int admin_fd);

/* A socket whose request is a call, from the main thread. */
void api_visit_take(struct api *api, int fd, const char *ip, struct slice read);

/* Another configuration is live; from the main thread. */
void api_configure(struct api *api, const struct config *config);

/* The address of api.listen that was bound; empty: none. */
const char *api_address(const struct api *api);

/* Whether a request at the admin address comes from the console's page, in a
 * session; from the main thread. */
bool api_is_console(struct api *api, const struct request *request);

/* Appends figures for /metrics; from the main thread. */
void api_print(const struct api *api, struct buf *out);

/* Ends the thread, if it was started, and waits for that; closes what is on the
 * main loop. Nothing of the API may be called afterwards but api_free. */
void api_stop(struct api *api);

/* After that, when the main loop has ended. Accepts NULL. */
void api_free(struct api *api);

#endif
