/* SPDX-License-Identifier: MIT
 * What the admin address says of other machines, and of the Redis where they
 * meet. With an engine that is not shared that is little. On the main thread.
 */
#ifndef SERVER_MACHINES_H
#define SERVER_MACHINES_H

#include "edge/admin.h"
#include "engine/engine.h"
#include "net/mailbox.h"

struct machines {
  struct engine *engine; /* borrowed; NULL: it is not shared */
  struct mailbox answers;
  struct list asked; /* requests that wait */
  bool open;
};

void machines_open(struct machines *machines, struct engine *engine,
                   uv_loop_t *loop);

/* Answers those who wait, and closes the mailbox. */
void machines_close(struct machines *machines);
void machines_free(struct machines *machines);

/* Appends what is wrong; false if nothing is. */
bool machines_complain(const struct machines *machines, struct buf *text);

/* Whether this machine has been one of several at some time. */
bool machines_are_ready(const struct machines *machines);

/* Appends metrics. */
void machines_print(const struct machines *machines, struct buf *out);

/* Answers with the list of all machines. */
void machines_ask(struct machines *machines, struct admin_request *request);

#endif
