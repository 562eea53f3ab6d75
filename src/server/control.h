/* SPDX-License-Identifier: MIT
 * What the admin address is answered: figures and reloads.
 *
 * The counters of a worker are its own. A letter asks it for a copy of them. A
 * worker that does not answer within a second is busy with a script: then its
 * last copy is shown, and perigee_worker_answering says 0. */
#ifndef SERVER_CONTROL_H
#define SERVER_CONTROL_H

#include "api/api.h"
#include "edge/admin.h"
#include "server/accord.h"
#include "server/machines.h"
#include "server/snapshot.h"

struct control {
  struct admin admin;
  struct reloader *reloader; /* borrowed */
  struct crew *crew;         /* borrowed */
  struct metrics *metrics;   /* of scripts; borrowed */
  struct timings *timings;   /* borrowed */
  struct events *events;     /* borrowed; NULL: there are none */
  struct otlp *otlp;         /* borrowed; NULL: there is no collector */
  const struct keys *keys;   /* borrowed */
  const char *clients;       /* the address where they connect; borrowed */
  struct api *api;           /* NULL: there are no api.keys; else its own */
  struct snapshot *last;     /* what each worker said last */
  bool *asked;               /* which of them have a letter to answer */
  struct machines machines;
  struct accord accord;
  struct list waiting; /* those who want figures */
  uv_timer_t patience; /* runs while the workers are asked */
  time_t started;      /* Unix seconds */
  bool draining, open;
};

/* Opens admin.listen, if it is not empty, and the API, if it has keys. In
 * development mode the default address may be in use: then there is a warning,
 * and no admin address. Returns 0, or ERR_SYSTEM with a line in `error`;
 * control_close is due in either case.
 */
MUST_CHECK int control_open(struct control *control,
                            const struct config *config, enum config_mode mode,
                            uv_loop_t *loop, struct buf *error);

/* Answers from now on. Everything in `control` but `admin` is set before, see
 * server.c. */
void control_start(struct control *control, uv_loop_t *loop);

/* The address that was bound; "-" when there is none. */
const char *control_address(const struct control *control);

/* LETTER_STATS has come. */
void control_snapshot(struct control *control, const struct snapshot *snapshot);

/* Tells those who still wait, and closes the handles. */
void control_close(struct control *control);

/* Call it when the loop has ended. */
void control_free(struct control *control);

#endif
