/* SPDX-License-Identifier: MIT
 * All clients of a run: brings them in (connect, auth, join) at the pace that
 * was asked for, and answers what the server asks. */
#ifndef LOAD_CROWD_H
#define LOAD_CROWD_H

#include "load/peer.h"
#include "load/plan.h"
#include "load/tally.h"
#include "protocol/envelope.h"

#include <stdbool.h>
#include <stdint.h>

enum client_stage {
  CLIENT_OUT,
  CLIENT_COMING, /* connect, handshake */
  CLIENT_AUTH,
  CLIENT_JOINING,
  CLIENT_IN
};

struct client {
  struct peer peer;
  enum client_stage stage;
  uint64_t since;    /* uv_hrtime of the first step, or what the caller says */
  bool was_in;       /* since it was opened last */
  char *token;       /* made once, for the first auth */
  uint64_t received; /* since it was opened last, as sessions count */
};

struct crowd_events {
  /* It is in. May be NULL. */
  void (*in)(void *arg, struct client *client);
  /* A text of a client that is in, before anything else looks at it. True:
   * no more need be done about it. */
  bool (*text)(void *arg, struct client *client, const char *text, size_t len);
  /* A message of a client that is in, and not for the crowd. */
  void (*message)(void *arg, struct client *client, const struct envelope *env,
                  const char *text, size_t len);
  /* Its socket is closed: it may be opened again. May be NULL. */
  void (*closed)(void *arg, struct client *client);
};

struct crowd {
  const struct plan *plan;
  struct tally *errors;
  const struct crowd_events *events;
  void *arg; /* for the events */
  struct client *clients;
  unsigned total;
  unsigned goal;      /* how many of them crowd_open_more opens, for now */
  unsigned started;   /* by crowd_open_more */
  unsigned under_way; /* started, and neither in nor out */
  unsigned in, failed;
  unsigned *members; /* by room */
  uint64_t start;    /* of crowd_open_more */
  char last_error[TALLY_NAME_BYTES];
  struct peers net;
};

/* Makes the clients; plan, errors, events and arg are set by the caller. 0;
 * or ERR_SYSTEM with the reason in `error`. crowd_free in both cases. */
MUST_CHECK int crowd_init(struct crowd *crowd, uv_loop_t *loop,
                          struct buf *error);

/* Makes the tokens of all clients, so that none is made on the way in. */
void crowd_make_tokens(struct crowd *crowd);

/* Starts as many of the clients as may be under way by now: to be called
 * again from time to time until it returns false, as all are settled. */
bool crowd_open_more(struct crowd *crowd, uint64_t now);

/* Starts one client that is out; `since` is kept with it. */
void crowd_open(struct crowd *crowd, struct client *client, uint64_t since);

/* Hangs up with a client that is in, leaving no TIME_WAIT. */
void crowd_hang_up(struct crowd *crowd, struct client *client);

/* Gives up on a client that is coming: an error. */
void crowd_give_up(struct crowd *crowd, struct client *client);

/* Hangs up with all of them. */
void crowd_close(struct crowd *crowd);

/* The loop has closed all handles. */
void crowd_free(struct crowd *crowd);

#endif
