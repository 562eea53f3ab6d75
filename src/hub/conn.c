/* SPDX-License-Identifier: MIT
 * One client. */
#include "hub/conn.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/presence.h"
#include "hub/gate.h"
#include "hub/index.h"
#include "trace/flight.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* More than a loop turn usually gathers for one connection. */
enum { BEHIND_BYTES = 64 * 1024, FLUSH_BYTES = 64 * 1024 };

/* How far control messages may go over limits.queue_bytes. */
enum { CONTROL_BYTES = 4096 };

/* As conn.h says, where pointers have eight bytes. */
#define BEGINS_LINE(member, line)                                              \
  _Static_assert(sizeof(void *) != 8 ||                                        \
                     offsetof(struct conn, member) == (line)*MEM_LINE_BYTES,   \
                 "begins a line of the cache")
BEGINS_LINE(deflate, 1);
BEGINS_LINE(reader, 2);
BEGINS_LINE(user_node, 3);

/* The only place that changes the state; an impossible step is a bug. */
static void conn_set_state(struct conn *conn, enum conn_state state) {
  static const bool allowed[CONN_STATES][CONN_STATES] = {
      [CONN_NEW] = {[CONN_READY] = true, [CONN_CLOSING] = true},
      [CONN_READY] = {[CONN_AWAY] = true, [CONN_CLOSING] = true},
      [CONN_AWAY] = {[CONN_READY] = true, [CONN_CLOSING] = true},
      [CONN_CLOSING] = {[CONN_CLOSED] = true},
  };
  if (!allowed[conn->state][state])
    log_fatal("conn=%llu impossible state change %d to %d",
              (unsigned long long)conn->id, conn->state, state);
  conn->state = state;
}

void conn_init(struct conn *conn, struct conn_owner *owner,
               const struct conn_io *io, void *socket) {
  conn->owner = owner;
  conn->io = io;
  conn->socket = socket;
  conn->transport.watch.fd = -1;
  list_init(&conn->dirty);
  list_init(&conn->user_node);
  list_init(&conn->node);
  list_init(&conn->calls);
  list_init(&conn->held);
  list_init(&conn->backlog.node);
  outq_init(&conn->out);
  outq_init(&conn->late);
  conn->opened_ms = conn->last_frame_ms = uv_now(owner->loop);
  conn->opened_s = time(NULL);
}

void conn_ready(struct conn *conn) {
  conn_set_state(conn, CONN_READY);
}

/* More waits than may for long, or will with `len` bytes more. While its socket
 * is full it is asked again for every FLUSH_BYTES only. */
static bool is_slow(struct conn *conn, size_t len, size_t limit) {
  size_t before = conn->out.bytes, usual = conn->owner->queue_bytes;
  size_t most = limit + usual * (CONN_BURST_TIMES - 1);
  uint64_t now = uv_now(conn->owner->loop);
  if (!conn->blocked || before + len > most ||
      before / FLUSH_BYTES != (before + len) / FLUSH_BYTES)
    conn->io->flush(conn);
  if (conn->out.bytes + len <= limit)
    return false;
  if (!conn->blocked || !conn->over_ms)
    conn->over_ms = now;
  return conn->out.bytes + len > most || now - conn->over_ms > CONN_SLOW_MS;
}

static bool queue_has_room(struct conn *conn, size_t len, size_t limit) {
  return conn->out.bytes + len <= limit || !is_slow(conn, len, limit);
}

/* A message cannot refer to anything before it: one that is not longer than
 * the peer's window can be inflated by it. */
static bool fits_window(const struct conn *conn, const struct frame *frame) {
  return frame->len <= (size_t)1 << conn->window_bits ||
         conn->window_bits == DEFLATE_WINDOW_BITS;
}

static void enqueue(struct conn *conn, struct frame *frame) {
  outq_push(&conn->out, frame);
  if (conn->owner->tickets)
    gate_note(conn);
}

/* How a frame leaves. Nothing is written here: the frame is queued, and the
 * first one of an empty queue puts the connection into its worker's dirty list
 * (want_flush). At the end of the loop turn the edge writes for each dirty
 * connection once, in the order in which they became dirty: so what many
 * handlers of a turn have sent to one client leaves in one write. A connection
 * is dirty once, however much waits, as only the step from none to one asks.
 *
 * A socket that takes less makes the connection `blocked`. It is in the dirty
 * list no more: epoll tells when there is room, and only then it is written to
 * again. From then on the backlog counts what waits, with every frame. There
 * are two ways to be written to before that: a queue over its bound is tried at
 * once (is_slow), as it may only be a burst of this turn; and the connection
 * that was read from last is, before the next one is read (edge/outbound). */
static void queue_frame(struct conn *conn, struct frame *frame) {
  enqueue(conn, frame);
  conn->owner->stats->frames_out++;
  if (conn->out.count == 1)
    conn->io->want_flush(conn);
  if (conn->blocked)
    conn_queue_changed(conn);
}

/* As its socket has agreed on. */
static struct frame *in_its_form(struct conn *conn, struct frame *frame) {
  if (conn->deflate && fits_window(conn, frame))
    return deflate_frame(conn->deflate, frame);
  return frame;
}

static int close_slow(struct conn *conn) {
  conn->owner->stats->slow_consumers++;
  conn_close(conn, CLOSE_SLOW_CONSUMER, NULL);
  return ERR_FULL;
}

static int push_frame(struct conn *conn, struct frame *frame, size_t limit) {
  if (conn->state > CONN_READY) /* what keeps a socket going needs one */
    return conn->state == CONN_AWAY ? 0 : ERR_CLOSED;
  frame = in_its_form(conn, frame);
  if (!queue_has_room(conn, frame->len, limit))
    return close_slow(conn);
  queue_frame(conn, frame);
  return 0;
}

/* One that is away and does not come back would only lose what it missed. */
static int send_away(struct conn *conn, struct frame *frame) {
  const struct replay *replay = conn->replay;
  if (replay->kept.bytes + frame->len > conn->owner->replays.each)
    return close_slow(conn);
  replay_keep(conn->replay, &conn->owner->replays, frame);
  return 0;
}

static int send_kept(struct conn *conn, struct frame *frame) {
  struct conn_owner *owner = conn->owner;
  if (conn->state == CONN_AWAY)
    return send_away(conn, frame);
  replay_keep(conn->replay, &owner->replays, frame);
  int err = push_frame(conn, frame, owner->queue_bytes);
  if (err || !replay_wants_ack(conn->replay, &owner->replays))
    return err;
  conn->replay->asked = true;
  owner->wants_ack(conn);
  return 0;
}

static int send_untraced(struct conn *conn, struct frame *frame) {
  if (conn->keeps)
    return send_kept(conn, frame);
  return push_frame(conn, frame, conn->owner->queue_bytes);
}

static int send_traced(struct conn *conn, struct frame *frame) {
  int err = send_untraced(conn, frame);
  struct flight_conn about = {.id = conn->id,
                              .user = conn_user_id(conn),
                              .waiting = conn->out.count,
                              .counted = conn->keeps ? conn->replay->sent : 0};
  if (!err && flight_begin(&about, frame))
    conn->traced = true;
  return err;
}

int conn_send(struct conn *conn, struct frame *frame) {
  return trace_is_on() || frame->cause ? send_traced(conn, frame)
                                       : send_untraced(conn, frame);
}

int conn_send_control(struct conn *conn, struct frame *frame) {
  return push_frame(conn, frame, conn->owner->queue_bytes + CONTROL_BYTES);
}

void conn_count(struct conn *conn) {
  conn->replay = replay_new();
  conn->counts = true;
}

void conn_keep(struct conn *conn) {
  conn->keeps = true;
  conn->owner->replays.count++;
}

void conn_acked(struct conn *conn, uint64_t n) {
  if (conn->keeps)
    replay_ack(conn->replay, &conn->owner->replays, n);
  if (conn->traced)
    conn->traced =
        flight_acked(conn->id, conn->keeps ? conn->replay->acked : 0);
}

static void queue_kept(struct conn *conn, struct frame *frame, uint64_t n) {
  queue_frame(conn, in_its_form(conn, frame));
  if (conn->traced)
    flight_again(conn->id, n, conn->out.count);
}

void conn_replay(struct conn *conn) {
  struct frame *frame;
  for (uint32_t i = 0; (frame = outq_peek(&conn->replay->kept, i)); i++)
    queue_kept(conn, frame, replay_base(conn->replay) + i + 1);
}

static void end_replay(struct conn *conn) {
  conn->owner->replays.count -= conn->keeps;
  replay_free(conn->replay, &conn->owner->replays);
  conn->replay = NULL;
  conn->keeps = conn->counts = false;
}

static void log_closed(const struct conn *conn, const char *who) {
  uint64_t age_ms = uv_now(conn->owner->loop) - conn->opened_ms;
  log_info("conn=%llu user=%s closed by %s code=%d reason=%s age_s=%.1f",
           (unsigned long long)conn->id, conn_user_name(conn), who,
           conn->close_code, conn_close_reason(conn), (double)age_ms / 1000.0);
}

/* Those that are not counted where they happen. */
static void count_close(struct stats *stats, int code) {
  switch (code) {
  case CLOSE_AUTH_TIMEOUT:
    stats->auth_timeouts++;
    break;
  case CLOSE_REPLACED:
    stats->replaced++;
    break;
  case CLOSE_CONNECTION_LIMIT:
    stats->connection_limits++;
    break;
  case CLOSE_TRY_LATER:
    stats->try_later++;
    break;
  case CLOSE_TOO_MANY_ERRORS:
    stats->too_many_errors++;
    break;
  case CLOSE_PROTOCOL_ERROR:
  case CLOSE_INVALID_TEXT:
  case CLOSE_BAD_PROTOCOL:
  case CLOSE_UNSUPPORTED_FRAME:
    stats->bad_frames++;
    break;
  case CLOSE_TOO_LARGE:
    stats->too_large++;
    break;
  default:
    break;
  }
}

static void start_closing(struct conn *conn, int code, const char *reason) {
  conn_set_state(conn, CONN_CLOSING);
  conn->close_code = code;
  conn->close_reason = mem_strdup(reason);
  conn->closing_ms = uv_now(conn->owner->loop);
  log_closed(conn, conn->peer_closed ? "peer" : "server");
  conn->owner->closed(conn); /* which asks whether it had a session */
  end_replay(conn);
}

/* The close frame, after which nothing is sent. Takes the reference. */
static void push_last(struct conn *conn, struct frame *frame) {
  enqueue(conn, frame);
  frame_unref(frame);
  conn_queue_changed(conn);
  if (conn->out.count == 1)
    conn->io->want_flush(conn);
}

/* All but a frame that was sent in part. */
static void drop_unsent(struct conn *conn) {
  outq_keep(&conn->out, conn->sent);
  if (conn->traced)
    conn->traced = flight_lost(conn->id, conn->out.count);
  gate_remove(conn);
}

/* There is nothing more that its socket could do for it. */
static void end_socket(struct conn *conn) {
  conn_set_state(conn, CONN_CLOSED);
  conn->owner->gone(conn);
}

/* --- sessions whose clients are lost ------------------------------------ */

static bool may_park(const struct conn *conn) {
  return conn->keeps && conn->state == CONN_READY && conn->owner->parks;
}

static void park_conn(struct conn *conn, const char *why) {
  struct replay *replay = conn->replay;
  if (!replay->away) {
    replay->away = mem_alloc(sizeof *replay->away);
    list_init(&replay->away->node);
    replay->away->conn = conn;
  }
  mem_free(replay->away->why);
  replay->away->why = mem_strdup(why);
  replay->away->since_ms = uv_now(conn->owner->loop);
  conn_set_state(conn, CONN_AWAY);
  log_info("conn=%llu user=%s is away reason=%s", (unsigned long long)conn->id,
           conn_user_name(conn), why);
  conn->owner->parked(conn);
}

/* Whether that was all: its client may come back, or is away already. */
static bool park_with_code(struct conn *conn, int code, const char *reason) {
  bool comes_back = code == CLOSE_PING_TIMEOUT || code == CLOSE_RECONNECT;
  if (!comes_back || !(conn->state == CONN_AWAY || may_park(conn)))
    return false;
  if (conn->state == CONN_AWAY)
    return true;
  reason = reason ? reason : close_reason(code);
  conn->io->part(conn, code, frame_new_close(code, reason));
  park_conn(conn, reason);
  return true;
}

/* What a program says that was closed by its user is CLOSE_NORMAL. */
static bool is_loss(int code) {
  return code == 0 || code == CLOSE_SHUTDOWN || code == CLOSE_PING_TIMEOUT ||
         code == CLOSE_RECONNECT;
}

void conn_back(struct conn *conn) {
  if (conn->state == CONN_AWAY)
    conn_set_state(conn, CONN_READY);
}

/* --- the end ------------------------------------------------------------ */

/* What waited for others goes before the end. */
static void send_late_frames(struct conn *conn) {
  struct outq late;
  outq_init(&late);
  outq_move(&conn->late, &late);
  for (uint32_t i = 0; i < late.count; i++)
    (void)conn_send(conn, outq_peek(&late, i)); /* full: it is closed */
  outq_clear(&late);
}

void conn_close(struct conn *conn, int code, const char *reason) {
  if (!conn_is_open(conn) || park_with_code(conn, code, reason))
    return;
  if (conn->late.count > 0 && code != CLOSE_SLOW_CONSUMER) {
    send_late_frames(conn);
    if (!conn_is_open(conn))
      return;
  }
  bool away = conn->state == CONN_AWAY;
  if (code == CLOSE_SLOW_CONSUMER)
    drop_unsent(conn);
  count_close(conn->owner->stats, code);
  start_closing(conn, code, reason);
  if (away)
    end_socket(conn);
  else
    push_last(conn, frame_new_close(code, conn_close_reason(conn)));
}

void conn_peer_closes(struct conn *conn, int code) {
  unsigned char bytes[] = {(unsigned char)(code >> 8), (unsigned char)code};
  if (!conn_is_open(conn))
    return;
  struct frame *answer = frame_new(FRAME_CLOSE, bytes, code ? sizeof bytes : 0);
  if (is_loss(code) && may_park(conn)) {
    conn->io->part(conn, code, answer);
    park_conn(conn, "closed");
    return;
  }
  conn->peer_closed = true;
  start_closing(conn, code ? code : CLOSE_NORMAL, NULL);
  push_last(conn, answer);
}

void conn_end_take(struct conn *conn, int code, struct frame *last) {
  conn_set_state(conn, CONN_CLOSING);
  conn->close_code = code;
  conn->closing_ms = uv_now(conn->owner->loop);
  push_last(conn, last);
}

void conn_vanish(struct conn *conn) {
  conn_set_state(conn, CONN_CLOSING);
  conn->close_code = CLOSE_NORMAL;
  conn->owner->closed(conn);
  end_replay(conn);
  end_socket(conn);
}

void conn_queue_changed(struct conn *conn) {
  struct conn_owner *owner = conn->owner;
  bool waits = conn->blocked && conn->socket;
  size_t bytes = waits ? conn->out.bytes - conn->sent : 0;
  backlog_put(&owner->backlog, &conn->backlog, bytes, uv_now(owner->loop));
  if (conn->out.bytes <= owner->queue_bytes)
    conn->over_ms = 0;
  if (!conn->blocked && !list_empty(&conn->held))
    owner->drained(conn);
}

void conn_forget_queue(struct conn *conn) {
  outq_clear(&conn->out);
  if (conn->traced)
    conn->traced = flight_lost(conn->id, 0);
  gate_remove(conn);
  conn->sent = 0;
}

static void lose_socket(struct conn *conn) {
  conn->socket = NULL;
  conn->transport.watch.fd = -1;
  conn->blocked = false;
  conn_forget_queue(conn);
  conn_queue_changed(conn);
  list_remove(&conn->dirty);
  buf_free(&conn->in);
  reader_free(&conn->reader);
}

void conn_gone(struct conn *conn) {
  bool parks = may_park(conn);
  lose_socket(conn);
  if (parks) {
    park_conn(conn, "disconnected");
    return;
  }
  if (conn_is_open(conn)) {
    conn->peer_closed = true;
    start_closing(conn, CLOSE_ABNORMAL, NULL);
  }
  end_socket(conn);
}

bool conn_is_behind(struct conn *conn) {
  if (conn->state == CONN_AWAY)
    return true;
  size_t much = conn->owner->queue_bytes / 2;
  if (much > BEHIND_BYTES)
    much = BEHIND_BYTES;
  if (!conn->blocked && conn->out.bytes > much)
    conn->io->flush(conn);
  return conn->blocked || conn->out.bytes > much;
}

void conn_clear(struct conn *conn) {
  if (conn->traced)
    flight_forget(conn->id);
  outq_clear(&conn->late);
  mem_free(conn->rooms);
  mem_free(conn->claimant);
  mem_free(conn->claims);
  mem_free(conn->headers);
  mem_free(conn->traceparent);
  mem_free(conn->close_reason);
  mem_free(conn->gate);
  presence_info_unref(conn->info);
}

void conn_set_traceparent_take(struct conn *conn, char *traceparent) {
  mem_free(conn->traceparent);
  conn->traceparent = traceparent;
  conn->is_part = traceparent != NULL;
}

const char *conn_user_id(const struct conn *conn) {
  return conn->user ? conn->user->id : conn->claimant;
}

const char *conn_close_reason(const struct conn *conn) {
  if (conn->peer_closed)
    return conn->close_code == CLOSE_ABNORMAL ? "disconnected" : "closed";
  return conn->close_reason ? conn->close_reason
                            : close_reason(conn->close_code);
}
