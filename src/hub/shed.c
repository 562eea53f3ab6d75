/* SPDX-License-Identifier: MIT
 * The end of clients that do not keep up. */
#include "hub/shed.h"

#include "base/log.h"

static struct conn *conn_of(struct backlog_entry *entry) {
  return container_of(entry, struct conn, backlog);
}

static void cut_off(struct conn *conn) {
  conn->io->kill(conn);
  conn_forget_queue(conn);
  conn->blocked = false;
  conn_queue_changed(conn);
}

/* What was queued in this turn has not been tried yet. */
static bool takes_some(struct conn *conn) {
  size_t before = conn->backlog.bytes;
  conn->io->flush(conn);
  return conn->backlog.bytes < before;
}

void shed_longest(struct manager *manager, uint64_t now_ms) {
  struct backlog *backlog = &manager->owner.backlog;
  struct backlog_entry *entry;
  unsigned closed = 0;
  size_t before = backlog->bytes;
  while (backlog_is_over(backlog) && (entry = backlog_largest(backlog))) {
    struct conn *conn = conn_of(entry);
    if (!conn_is_open(conn)) {
      cut_off(conn);
      continue;
    }
    if (takes_some(conn))
      continue;
    manager->owner.stats->queues_shed++;
    conn_close(conn, CLOSE_SLOW_CONSUMER, NULL);
    closed++;
  }
  if (closed > 0 && !bucket_take(&manager->told_shed, 1, 1, 1, now_ms))
    log_warn("%zu bytes wait for slow clients, over limits.queues_mb: closed "
             "%u of them, the longest queues first",
             before, closed);
}

static void end_stalled(struct conn *conn, uint64_t now_ms) {
  log_info("conn=%llu user=%s took nothing for %.1f s, %zu bytes wait",
           (unsigned long long)conn->id, conn_user_name(conn),
           (double)(now_ms - conn->backlog.acked_ms) / 1000.0,
           conn->backlog.bytes);
  conn->owner->stats->stalled++;
  conn_close(conn, CLOSE_SLOW_CONSUMER, NULL);
  cut_off(conn);
}

void shed_stalled(struct manager *manager, uint64_t now_ms, uint64_t stall_ms) {
  struct backlog *backlog = &manager->owner.backlog;
  for (size_t i = 0; i < BACKLOG_SIZES; i++)
    LIST_FOREACH_SAFE (it, &backlog->sizes[i]) {
      struct backlog_entry *entry =
          container_of(it, struct backlog_entry, node);
      struct conn *conn = conn_of(entry);
      if (backlog_is_stalled(entry, conn->io->acked(conn), now_ms, stall_ms))
        end_stalled(conn, now_ms);
    }
}

static bool are_too_many_parked(const struct manager *manager) {
  const struct replays *replays = &manager->owner.replays;
  uint32_t most = manager->limits.parked;
  return replays->bytes > replays->limit || (most && replays->parked > most);
}

void shed_parked(struct manager *manager) {
  while (are_too_many_parked(manager) && !list_empty(&manager->away)) {
    struct away *away = container_of(manager->away.next, struct away, node);
    manager->owner.stats->sessions_shed++;
    conn_close(away->conn, CLOSE_ABNORMAL, "lost");
  }
}
