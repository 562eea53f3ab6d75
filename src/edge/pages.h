/* SPDX-License-Identifier: MIT
 * Pages of our own on the port of the clients: health, the browser client, and
 * in development a token for whoever asks. They are answered in callbacks of
 * libwebsockets, to requests that edge/relay has written. */
#ifndef EDGE_PAGES_H
#define EDGE_PAGES_H

#include "auth/jwt.h"
#include "config/config.h"

#include <libwebsockets.h>
#include <stdbool.h>

#define PAGES_PROTOCOL "perigee"

/* The `arg` of the library's context. */
struct pages {
  const struct config *config; /* borrowed, as is the key */
  const struct jwt_key *key;
  bool development; /* /dev/token answers */
  bool draining;    /* /healthz says 503 */
};

/* For library_open. */
extern const struct lws_protocols pages_protocols[];

#endif
