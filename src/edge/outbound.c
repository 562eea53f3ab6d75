/* SPDX-License-Identifier: MIT
 * Writing. */
#include "edge/outbound.h"

#include "edge/edge.h"
#include "edge/link.h"
#include "edge/ws.h"

#include <string.h>

/* So that a message to many leaves time for others, as long as little waits
 * for each. */
enum { FLUSHES_A_TURN = 64, LITTLE_BYTES = OUTBOUND_GATHER_BYTES / 4 };

/* Copies what is left of the first frame, and whole ones after it, into the
 * gather buffer while they fit; returns how many bytes. */
static size_t gather(const struct conn *conn, unsigned char *out) {
  const struct frame *frame;
  size_t len = 0, skip = conn->sent;
  for (uint32_t i = 0; (frame = outq_peek(&conn->out, i)); i++) {
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
static void advance(struct conn *conn, size_t bytes) {
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

/* One write of what fits into it. False when the socket is broken. */
static bool write_some(struct edge *edge, struct conn *conn) {
  struct stats *stats = conn->owner->stats;
  const struct frame *first = outq_peek(&conn->out, 0);
  const unsigned char *data = first->data + conn->sent;
  size_t len = first->len - conn->sent;
  if (conn->out.count > 1 && len < OUTBOUND_GATHER_BYTES) {
    data = edge->gather;
    len = gather(conn, edge->gather);
  }
  ssize_t n = link_write(conn->watch.fd, conn->tls, data, len);
  if (n < 0)
    return false;
  stats->writes++;
  stats->bytes_out += (uint64_t)n;
  conn->blocked = (size_t)n < len || link_is_full(conn->tls);
  advance(conn, (size_t)n);
  return true;
}

/* False when the socket is broken. */
static bool write_all(struct edge *edge, struct conn *conn) {
  conn->blocked = false;
  if (conn->out.count == 0) { /* TLS may have something of its own */
    if (link_write(conn->watch.fd, conn->tls, NULL, 0) < 0)
      return false;
    conn->blocked = link_is_full(conn->tls);
  }
  while (conn->out.count > 0 && !conn->blocked)
    if (!write_some(edge, conn))
      return false;
  return true;
}

void outbound_flush(struct edge *edge, struct conn *conn) {
  bool was_blocked = conn->blocked;
  if (!write_all(edge, conn)) {
    conn->blocked = false;
    conn_forget_queue(conn);
    ws_end(conn);
  }
  if (!conn->blocked && !was_blocked)
    return;
  if (conn->blocked != was_blocked)
    ws_wait(conn);
  conn_queue_changed(conn);
}

void outbound_want(struct conn *conn) {
  struct edge *edge = container_of(conn->io, struct edge, io);
  if (!list_linked(&conn->dirty))
    list_push(&edge->dirty, &conn->dirty);
}

void outbound_flush_now(struct conn *conn) {
  struct edge *edge = container_of(conn->io, struct edge, io);
  if (!conn->watch.ready)
    return;
  list_remove(&conn->dirty);
  outbound_flush(edge, conn);
}

void outbound_flush_last(struct edge *edge, struct conn *next) {
  struct conn *last = edge->last;
  edge->last = next;
  if (!last || last == next || !list_linked(&last->dirty))
    return;
  list_remove(&last->dirty);
  outbound_flush(edge, last);
}

/* The first in the list has waited longest, and in a fan-out it has most:
 * where messages come faster than they can be written, everything is written
 * before more is read. */
bool outbound_flush_dirty(struct edge *edge) {
  outbound_flush_last(edge, NULL); /* an answer does not wait for the crowd */
  for (int done = 0; !list_empty(&edge->dirty); done++) {
    struct conn *conn = container_of(edge->dirty.next, struct conn, dirty);
    if (done >= FLUSHES_A_TURN && conn->out.bytes < LITTLE_BYTES)
      return false;
    list_remove(&conn->dirty);
    outbound_flush(edge, conn);
  }
  return true;
}
