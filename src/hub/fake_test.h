/* SPDX-License-Identifier: MIT
 * For tests: a manager on a loop of its own, and connections whose socket is
 * a list that they stand in when they have something to flush. */
#ifndef HUB_FAKE_TEST_H
#define HUB_FAKE_TEST_H

#include "base/log.h"
#include "base/mem.h"
#include "hub/manager.h"

#include <string.h>

struct fake {
  uv_loop_t loop;
  struct stats stats;
  struct manager manager;
  struct list dirty; /* conn->dirty: want_flush was called */
  uint64_t acked;    /* what every peer has acknowledged */
  unsigned killed;   /* sockets that were told to end at once */
  unsigned flushed;  /* how often a socket was asked to take more at once */
  bool takes_all;    /* and it takes everything then */
};

static inline void fake_want_flush(struct conn *conn) {
  struct fake *fake = container_of(manager_of(conn), struct fake, manager);
  if (!list_linked(&conn->dirty))
    list_push(&fake->dirty, &conn->dirty);
}

static inline uint64_t fake_acked(struct conn *conn) {
  return container_of(manager_of(conn), struct fake, manager)->acked;
}

static inline void fake_kill(struct conn *conn) {
  container_of(manager_of(conn), struct fake, manager)->killed++;
}

/* The socket of a connection took everything that waits. */
static inline void fake_flush(struct conn *conn) {
  outq_clear(&conn->out);
  list_remove(&conn->dirty);
  conn->blocked = false;
  conn->sent = 0;
  conn_queue_changed(conn);
}

static inline void fake_drained(struct conn *conn) {
  (void)conn;
}

/* Else it is full, and not a byte leaves. */
static inline void fake_flush_now(struct conn *conn) {
  struct fake *fake = container_of(manager_of(conn), struct fake, manager);
  fake->flushed++;
  if (fake->takes_all) {
    fake_flush(conn);
    return;
  }
  conn->blocked = true;
  conn_queue_changed(conn);
}

static inline void fake_free(struct conn *conn) {
  conn_clear(conn);
  mem_free(conn);
}

static inline void fake_start(struct fake *fake, struct manager_limits limits) {
  memset(fake, 0, sizeof *fake);
  log_setup(LOG_ERROR, LOG_TEXT);
  assert_int_equal(uv_loop_init(&fake->loop), 0);
  list_init(&fake->dirty);
  manager_init(&fake->manager, &fake->loop, &fake->stats, fake_free);
  manager_set_limits(&fake->manager, limits);
  fake->manager.owner.drained = fake_drained;
}

/* A new connection, in no index. */
static inline struct conn *fake_conn(struct fake *fake) {
  static const struct conn_io io = {.want_flush = fake_want_flush,
                                    .flush = fake_flush_now,
                                    .kill = fake_kill,
                                    .acked = fake_acked};
  struct conn *conn = mem_alloc_aligned(sizeof *conn);
  conn_init(conn, &fake->manager.owner, &io, fake);
  return conn;
}

/* A connection from 192.0.2.1 that has logged in. */
static inline struct conn *fake_login(struct fake *fake, const char *user) {
  struct conn *conn = fake_conn(fake);
  assert_int_equal(manager_add(&fake->manager, conn, "192.0.2.1"), 0);
  assert_int_equal(manager_login(&fake->manager, conn, user, 0), 0);
  return conn;
}

/* It took a part only: the first `sent` bytes of the first frame. */
static inline void fake_block(struct conn *conn, uint32_t sent) {
  conn->blocked = true;
  conn->sent = sent;
  conn_queue_changed(conn);
}

/* Ends a connection whose farewell was not said yet. */
static inline void fake_end(struct conn *conn) {
  conn_gone(conn);
  manager_farewell(manager_of(conn), conn);
}

/* Ends every connection, and checks that nothing is left of any. */
static inline void fake_stop(struct fake *fake) {
  struct manager *manager = &fake->manager;
  LIST_FOREACH_SAFE (it, &manager->gone)
    fake_end(container_of(it, struct conn, node));
  LIST_FOREACH_SAFE (it, &manager->conns)
    fake_end(container_of(it, struct conn, node));
  assert_int_equal(manager->count, 0);
  assert_int_equal(manager->alive, 0);
  assert_true(list_empty(&fake->dirty));
  assert_int_equal(manager->owner.backlog.bytes, 0);
  manager_free(manager);
  uv_run(&fake->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&fake->loop), 0);
}

#endif
