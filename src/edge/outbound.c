/* SPDX-License-Identifier: MIT
 * Writing. */
#include "edge/outbound.h"

#include "base/stats.h"
#include "edge/sockets.h"
#include "hub/gate.h"

#include <string.h>

/* So that a message to many leaves time for others, as long as little waits
 * for each. */
enum { FLUSHES_A_TURN = 64, LITTLE_BYTES = OUTBOUND_GATHER_BYTES / 4 };

/* Copies what is left of the first frame, and whole ones after it, into the
 * gather buffer while they fit and may leave; returns how many bytes. */
static size_t gather_frames(const struct conn *conn, unsigned char *out) {
  size_t len = 0, skip = conn->sent;
  uint32_t count = gate_open_count(conn);
  for (uint32_t i = 0; i < count; i++) {
    const struct frame *frame = outq_peek(&conn->out, i);
    size_t more = frame->len - skip;
    if (len + more > OUTBOUND_GATHER_BYTES)
      break;
    memcpy(out + len, frame->data + skip, more);
    len += more;
    skip = 0;
  }
  return len;
}

/* So many bytes more are written: frames that are done leave the queue. */
static void advance_queue(struct conn *conn, size_t bytes) {
  const struct frame *frame;
  uint32_t done = 0;
  bytes += conn->sent;
  while ((frame = outq_peek(&conn->out, done)) && bytes >= frame->len) {
    bytes -= frame->len;
    done++;
  }
  outq_drop(&conn->out, done);
  conn->sent = (uint32_t)bytes;
}

/* One write of what fits into it; `full` says whether the socket takes no more.
 * False when it is broken. */
static bool write_frames(struct sockets *sockets, struct conn *conn,
                         bool *full) {
  struct stats *stats = conn->owner->stats;
  const struct frame *first = outq_peek(&conn->out, 0);
  const unsigned char *data = first->data + conn->sent;
  size_t len = first->len - conn->sent;
  if (gate_open_count(conn) > 1 && len < OUTBOUND_GATHER_BYTES) {
    data = sockets->gather;
    len = gather_frames(conn, sockets->gather);
  }
  ssize_t n = transport_write(&conn->transport, data, len);
  if (n < 0)
    return false;
  stats->writes++;
  stats->bytes_out += (uint64_t)n;
  *full = (size_t)n < len || transport_is_full(&conn->transport);
  advance_queue(conn, (size_t)n);
  return true;
}

static bool write_queue(struct sockets *sockets, struct conn *conn,
                        bool *full) {
  *full = false;
  if (conn->out.count == 0) { /* TLS may have something of its own */
    if (transport_write(&conn->transport, NULL, 0) < 0)
      return false;
    *full = transport_is_full(&conn->transport);
  }
  while (gate_open_count(conn) > 0 && !*full)
    if (!write_frames(sockets, conn, full))
      return false;
  return true;
}

/* Frames of it wait for events. When the socket is full, it is what is waited
 * for first. */
static void hold_conn(struct sockets *sockets, struct conn *conn) {
  if (conn->blocked || list_linked(&conn->dirty))
    return;
  list_push(&sockets->held, &conn->dirty);
  ticket_wait(&sockets->settled);
}

static void flush_conn(struct sockets *sockets, struct conn *conn) {
  bool was_full = conn->blocked, full;
  if (!write_queue(sockets, conn, &full)) {
    full = false;
    conn_forget_queue(conn);
    socket_end(conn);
  }
  if (!full && !was_full)
    return;
  socket_note_full(conn, full);
  conn_queue_changed(conn);
}

void outbound_flush(struct sockets *sockets, struct conn *conn) {
  bool was_gated = conn->gated;
  if (was_gated)
    gate_look(conn);
  flush_conn(sockets, conn);
  if (conn->gated)
    hold_conn(sockets, conn);
  else if (was_gated)
    socket_wait(conn); /* it may have been the last */
}

void outbound_settled(void *arg) {
  struct sockets *sockets = arg;
  struct list held, *node;
  list_move(&sockets->held, &held);
  while ((node = list_shift(&held)))
    outbound_flush(sockets, container_of(node, struct conn, dirty));
}

void outbound_want(struct conn *conn) {
  struct sockets *sockets = sockets_of(conn);
  if (!list_linked(&conn->dirty))
    list_push(&sockets->dirty, &conn->dirty);
}

void outbound_flush_now(struct conn *conn) {
  struct sockets *sockets = sockets_of(conn);
  if (!conn->transport.watch.ready)
    return;
  list_remove(&conn->dirty);
  outbound_flush(sockets, conn);
}

void outbound_flush_last(struct sockets *sockets, struct conn *next) {
  struct conn *last = sockets->last;
  sockets->last = next;
  if (!last || last == next || !list_linked(&last->dirty))
    return;
  list_remove(&last->dirty);
  outbound_flush(sockets, last);
}

/* The first in the list has waited longest, and in a fan-out it has most:
 * where messages come faster than they can be written, everything is written
 * before more is read. */
bool outbound_flush_dirty(struct sockets *sockets) {
  outbound_flush_last(sockets,
                      NULL); /* an answer does not wait for the crowd */
  for (int done = 0; !list_empty(&sockets->dirty); done++) {
    struct conn *conn = container_of(sockets->dirty.next, struct conn, dirty);
    if (done >= FLUSHES_A_TURN && conn->out.bytes < LITTLE_BYTES)
      return false;
    list_remove(&conn->dirty);
    outbound_flush(sockets, conn);
  }
  return true;
}
