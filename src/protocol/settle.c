/* SPDX-License-Identifier: MIT
 * Waiting for other machines. */
#include "protocol/settle.h"

#include "base/mem.h"
#include "protocol/client.h"
#include "protocol/session.h"

struct settling {
  struct list node; /* in conn->calls */
  struct conn *conn;
  settle_fn *done;
  void *arg;
};

static void on_settled(void *arg, int err, uint32_t elsewhere) {
  struct settling *settling = arg;
  struct conn *conn = settling->conn;
  list_remove(&settling->node);
  settling->done(conn, settling->arg, err, elsewhere);
  mem_free(settling);
  session_idle(conn);
}

bool settle_begin(struct conn *conn, enum bus_to to, const char *name,
                  size_t len, settle_fn *done, void *arg) {
  struct manager *manager = manager_of(conn);
  if (!manager->others)
    return false;
  struct settling *settling = mem_alloc(sizeof *settling);
  settling->conn = conn;
  settling->done = done;
  settling->arg = arg;
  list_init(&settling->node);
  if (!engine_settle(manager->others, manager->worker, to, name, len,
                     on_settled, settling)) {
    mem_free(settling);
    return false;
  }
  list_push(&conn->calls, &settling->node);
  return true;
}
