/* SPDX-License-Identifier: MIT
 * Where a worker takes the questions of backends to its scripts: handlers
 * ["@http TYPE"].
 *
 * A question is a letter from the API's thread to a worker, and the same letter
 * comes back with the answer. It owns all that it carries: who asked may have
 * gone meanwhile. A worker that a script holds answers afterwards. */
#ifndef API_DESK_H
#define API_DESK_H

#include "config/api_keys.h"
#include "events/tickets.h"
#include "net/mailbox.h"
#include "protocol/client.h"
#include "wire/msg_type.h"
#include "wire/problem.h"

#include <stdatomic.h>

struct api_ask {
  struct list node;
  char type[MSG_TYPE_BYTES + 1];
  char key[API_KEY_NAME_BYTES + 1]; /* the name of the key */
  struct buf request;               /* {"data":…,"user":…,"key":…} */
  size_t data_at, data_len; /* where `data` is in that; 0: there is none */
  struct mailbox *home;     /* where the answer goes */
  struct desk *desk;
  /* The answer: a body, or a problem and what the script says beside it. */
  bool done;
  struct buf body; /* JSON; of a problem: its `data`, or empty */
  struct problem problem;
  struct ticket_item after; /* where the answer waits for events */
  void *arg;                /* of the asker */
};

struct desk {
  struct mailbox mailbox;
  struct protocol *protocol;
  _Atomic unsigned waiting; /* questions that are not answered yet */
  bool open;
};

struct api_ask *ask_new(void);

/* Accepts NULL. */
void ask_free(struct api_ask *ask);

/* Opens the desk of a worker, on its loop. */
void desk_open(struct desk *desk, struct protocol *protocol, uv_loop_t *loop);

/* Questions that come from now on are refused. */
void desk_close(struct desk *desk);

/* When the loop has ended. Nothing if it was never opened. */
void desk_free(struct desk *desk);

/* Asks, from the API's thread. False, and the question is still the caller's,
 * if the worker is ending. */
MUST_CHECK bool desk_ask_take(struct desk *desk, struct api_ask *ask);

#endif
