/* SPDX-License-Identifier: MIT
 * Writing. */
#include "edge/outbound.h"

#include "base/log.h"
#include "base/stats.h"
#include "edge/sockets.h"
#include "hub/gate.h"
#include "net/ring.h"
#include "trace/flight.h"

#include <errno.h>
#include <string.h>

/* So that a message to many leaves time for others, as long as little waits
 * for each. */
enum { FLUSHES_A_TURN = 64, LITTLE_BYTES = OUTBOUND_GATHER_BYTES / 4 };

/* Copies what is left of the first frame, and whole ones after it, to `out`
 * while they fit and may leave; returns how many bytes. */
static size_t gather_frames(const struct conn *conn, unsigned char *out,
                            size_t room) {
  size_t len = 0, skip = conn->sent;
  uint32_t count = gate_open_count(conn);
  for (uint32_t i = 0; i < count; i++) {
    const struct frame *frame = outq_peek(&conn->out, i);
    size_t more = frame->len - skip;
    if (len + more > room)
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
  if (conn->traced)
    conn->traced = flight_written(conn->id, done);
}

/* What one write of the queue, of which something may leave, takes: one frame
 * as it is, or several in `gather`, if that has room for them. */
static size_t next_write(const struct conn *conn, unsigned char *gather,
                         size_t room, const unsigned char **data) {
  const struct frame *first = outq_peek(&conn->out, 0);
  size_t len = first->len - conn->sent;
  *data = first->data + conn->sent;
  if (gate_open_count(conn) == 1 || len >= room)
    return len;
  *data = gather;
  return gather_frames(conn, gather, room);
}

static void note_written(struct conn *conn, size_t bytes) {
  struct stats *stats = conn->owner->stats;
  stats->writes++;
  stats->bytes_out += bytes;
  advance_queue(conn, bytes);
}

/* One write of what fits into it; `full` says whether the socket takes no more.
 * False when it is broken. */
static bool write_frames(struct sockets *sockets, struct conn *conn,
                         bool *full) {
  const unsigned char *data;
  size_t len = next_write(conn, sockets->gather, OUTBOUND_GATHER_BYTES, &data);
  ssize_t n = transport_write(&conn->transport, data, len);
  if (n < 0)
    return false;
  *full = (size_t)n < len || transport_is_full(&conn->transport);
  note_written(conn, (size_t)n);
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

/* What a flush has come to. */
static void note_flushed(struct conn *conn, bool whole, bool full) {
  bool was_full = conn->blocked;
  if (!whole) {
    full = false;
    conn_forget_queue(conn);
    socket_end(conn);
  }
  if (!full && !was_full)
    return;
  socket_note_full(conn, full);
  conn_queue_changed(conn);
}

/* Frames of it wait for events. When the socket is full, it is what is waited
 * for first. */
static void hold_conn(struct sockets *sockets, struct conn *conn) {
  if (conn->blocked || list_linked(&conn->dirty))
    return;
  list_push(&sockets->held, &conn->dirty);
  ticket_wait(&sockets->settled);
}

void outbound_flush(struct sockets *sockets, struct conn *conn) {
  bool was_gated = conn->gated;
  if (was_gated)
    gate_look(conn);
  bool full, whole = write_queue(sockets, conn, &full);
  note_flushed(conn, whole, full);
  if (conn->gated)
    hold_conn(sockets, conn);
  else if (was_gated && whole)
    socket_wait(conn); /* it may have been the last */
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

void outbound_settled(void *arg) {
  struct sockets *sockets = arg;
  struct list held, *node;
  list_move(&sockets->held, &held);
  while ((node = list_shift(&held)))
    outbound_flush_now(container_of(node, struct conn, dirty));
}

void outbound_flush_last(struct sockets *sockets, struct conn *next) {
  struct conn *last = sockets->last;
  sockets->last = next;
  if (!last || last == next || !list_linked(&last->dirty))
    return;
  list_remove(&last->dirty);
  outbound_flush(sockets, last);
}

/* --- many at once -------------------------------------------------------
 *
 * Where there is a ring (net/ring), the writes of many connections leave with
 * one system call. What a connection of them does next, when its queue has
 * changed, may concern others of them. So all results are noted first. */

enum { MANY = 4 }; /* fewer gain nothing by it */

struct volley {
  struct conn *conns[RING_SENDS];
  size_t lens[RING_SENDS];
  ssize_t results[RING_SENDS];
  unsigned count;
  size_t gathered; /* bytes of the gather buffer that are taken */
};

static bool is_later(ssize_t result) {
  return result == -EAGAIN || result == -EINTR;
}

static void note_result(struct sockets *sockets, struct conn *conn, size_t len,
                        ssize_t result) {
  bool broken = result < 0 && !is_later(result);
  bool full = !broken && (result < 0 || (size_t)result < len);
  if (!broken && !full && conn->out.count > 0)
    outbound_flush(sockets, conn); /* it has more than one write takes */
  else
    note_flushed(conn, !broken, full);
}

static void fire(struct sockets *sockets, struct volley *volley) {
  if (!ring_submit(sockets->ring, volley->results)) {
    log_warn("io_uring has failed; what follows is sent one by one");
    ring_free(sockets->ring);
    sockets->ring = NULL;
  }
  for (unsigned i = 0; i < volley->count; i++)
    if (volley->results[i] > 0)
      note_written(volley->conns[i], (size_t)volley->results[i]);
  for (unsigned i = 0; i < volley->count; i++)
    if (socket_of(volley->conns[i])->state != SOCKET_ENDED)
      note_result(sockets, volley->conns[i], volley->lens[i],
                  volley->results[i]);
  volley->count = 0;
  volley->gathered = 0;
}

/* False if it does not leave with the others. */
static bool add_to_volley(struct sockets *sockets, struct volley *volley,
                          struct conn *conn) {
  if (conn->transport.tls || conn->blocked || conn->gated ||
      conn->out.count == 0)
    return false;
  const unsigned char *data;
  size_t room = OUTBOUND_GATHER_BYTES - volley->gathered;
  unsigned char *gather = sockets->gather + volley->gathered;
  size_t len = next_write(conn, gather, room, &data);
  if (data == gather)
    volley->gathered += len;
  ring_prepare(sockets->ring, conn->transport.watch.fd, data, len);
  volley->conns[volley->count] = conn;
  volley->lens[volley->count++] = len;
  return true;
}

static bool are_many(const struct list *conns) {
  const struct list *at = conns->next;
  for (int i = 0; i < MANY; i++, at = at->next)
    if (at == conns)
      return false;
  return true;
}

/* Made when it is first of use, by the thread that will use it. */
static bool has_ring(struct sockets *sockets) {
  if (sockets->wants_ring && !sockets->ring) {
    sockets->wants_ring = false;
    sockets->ring = ring_new();
    if (!sockets->ring)
      log_debug("io_uring is not to be had: %s", strerror(errno));
  }
  return sockets->ring != NULL;
}

static bool takes_more(const struct volley *volley) {
  return volley->count < RING_SENDS &&
         volley->gathered < OUTBOUND_GATHER_BYTES - LITTLE_BYTES;
}

static void flush_or_add(struct sockets *sockets, struct volley *volley,
                         struct conn *conn) {
  if (!volley) {
    outbound_flush(sockets, conn);
    return;
  }
  if (!takes_more(volley))
    fire(sockets, volley);
  if (sockets->ring && add_to_volley(sockets, volley, conn))
    return;
  if (volley->count > 0) /* both use the gather buffer */
    fire(sockets, volley);
  outbound_flush(sockets, conn);
}

/* The first in the list has waited longest, and in a fan-out it has most:
 * where messages come faster than they can be written, everything is written
 * before more is read. */
bool outbound_flush_dirty(struct sockets *sockets) {
  struct volley volley;
  bool all = true;
  outbound_flush_last(sockets,
                      NULL); /* an answer does not wait for the crowd */
  volley.count = 0;
  volley.gathered = 0;
  bool many = are_many(&sockets->dirty) && has_ring(sockets);
  int most = many ? RING_SENDS : FLUSHES_A_TURN;
  for (int done = 0; !list_empty(&sockets->dirty); done++) {
    struct conn *conn = container_of(sockets->dirty.next, struct conn, dirty);
    all = done < most || conn->out.bytes >= LITTLE_BYTES;
    if (!all)
      break;
    list_remove(&conn->dirty);
    flush_or_add(sockets, many ? &volley : NULL, conn);
  }
  if (volley.count > 0)
    fire(sockets, &volley);
  return all;
}
