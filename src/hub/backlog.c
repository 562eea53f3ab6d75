/* SPDX-License-Identifier: MIT
 * The queues that do not drain. */
#include "hub/backlog.h"

#include "base/log.h"
#include "hub/manager.h"

void backlog_init(struct backlog *backlog, size_t limit) {
  *backlog = (struct backlog){.limit = limit};
  for (size_t i = 0; i < BACKLOG_SIZES; i++)
    list_init(&backlog->sizes[i]);
}

/* The list for a queue of so many bytes, which are not 0. */
static struct list *list_for(struct backlog *backlog, size_t bytes) {
  size_t power = 63 - (size_t)__builtin_clzll(bytes);
  return &backlog->sizes[power < BACKLOG_SIZES ? power : BACKLOG_SIZES - 1];
}

/* How far the peer had come is asked when the stalled are looked for, not
 * each time that a socket is full for a moment. */
static void start_watch(struct conn *conn) {
  conn->acked = UINT64_MAX;
  conn->acked_ms = uv_now(conn->timer.loop);
}

void backlog_update(struct conn *conn) {
  struct backlog *backlog = &conn->manager->backlog;
  bool waits = conn->blocked && conn->socket;
  size_t bytes = waits ? conn->out.bytes - conn->sent : 0;
  size_t before = conn->backlog_bytes;
  backlog->bytes = backlog->bytes - before + bytes;
  conn->backlog_bytes = bytes;
  if (conn->out.bytes <= conn->manager->limits.queue_bytes)
    conn->over_ms = 0;
  if (bytes == 0) {
    list_remove(&conn->backlog);
    return;
  }
  struct list *list = list_for(backlog, bytes);
  if (!list_linked(&conn->backlog))
    start_watch(conn);
  else if (list == list_for(backlog, before))
    return;
  list_remove(&conn->backlog);
  list_push(list, &conn->backlog);
}

static struct conn *largest(const struct backlog *backlog) {
  for (size_t i = BACKLOG_SIZES; i > 0; i--)
    if (!list_empty(&backlog->sizes[i - 1]))
      return container_of(backlog->sizes[i - 1].next, struct conn, backlog);
  return NULL;
}

static void cut_off(struct conn *conn) {
  conn->io->kill(conn);
  conn_forget_queue(conn);
  conn->blocked = false;
  backlog_update(conn);
}

/* What was queued in this turn has not been tried yet. */
static bool takes_some(struct conn *conn) {
  size_t before = conn->backlog_bytes;
  conn->io->flush(conn);
  return conn->backlog_bytes < before;
}

void backlog_shed(struct backlog *backlog, uint64_t now_ms) {
  struct conn *conn;
  unsigned closed = 0;
  size_t before = backlog->bytes;
  if (!backlog->limit)
    return;
  while (backlog->bytes > backlog->limit && (conn = largest(backlog))) {
    if (!conn_is_open(conn)) {
      cut_off(conn);
      continue;
    }
    if (takes_some(conn))
      continue;
    conn->manager->stats->queues_shed++;
    conn_close(conn, CLOSE_SLOW_CONSUMER, NULL);
    closed++;
  }
  if (closed > 0 && !bucket_take(&backlog->told, 1, 1, 1, now_ms))
    log_warn("%zu bytes wait for slow clients, over limits.queues_mb: closed "
             "%u of them, the longest queues first",
             before, closed);
}

static bool is_stalled(struct conn *conn, uint64_t now_ms, uint64_t stall_ms) {
  uint64_t acked = conn->io->acked(conn);
  if (acked == conn->acked)
    return now_ms - conn->acked_ms >= stall_ms;
  conn->acked = acked;
  conn->acked_ms = now_ms;
  return false;
}

static void end_stalled(struct conn *conn, uint64_t stall_ms) {
  log_info("conn=%llu user=%s took nothing for %.1f s, %zu bytes wait",
           (unsigned long long)conn->id, conn_user_name(conn),
           (double)stall_ms / 1000.0, conn->backlog_bytes);
  conn->manager->stats->stalled++;
  conn_close(conn, CLOSE_SLOW_CONSUMER, NULL);
  cut_off(conn);
}

void backlog_cut_stalled(struct backlog *backlog, uint64_t now_ms,
                         uint64_t stall_ms) {
  for (size_t i = 0; i < BACKLOG_SIZES; i++)
    LIST_FOREACH_SAFE (it, &backlog->sizes[i]) {
      struct conn *conn = container_of(it, struct conn, backlog);
      if (is_stalled(conn, now_ms, stall_ms))
        end_stalled(conn, stall_ms);
    }
}
