/* SPDX-License-Identifier: MIT
 * What members have missed.
 *
 * Whatever is read, and whatever waits, is compared with `at`, and is dropped
 * if it is not after it. So it does no harm that the two overlap: the history
 * is read at one moment, and letters of that time may still be on their way. */
#include "protocol/recover.h"

#include "base/err.h"
#include "base/mem.h"
#include "hub/welcome.h"
#include "protocol/answer.h"
#include "protocol/missed.h"
#include "protocol/resync.h"

static struct protocol *protocol_of_recovery(const struct recovery *recovery) {
  return protocol_of(recovery->held.conn);
}

/* --- answers ------------------------------------------------------------- */

static void answer_late(struct conn *conn, const struct msg_id *id,
                        const struct room *room, struct call_arg table,
                        struct engine_position at,
                        enum position_recovered recovered) {
  struct buf out = {0};
  buf_put(&out, table.text, table.len);
  welcome_add_late(&out, 0, conn, room, at, recovered);
  answer_reply(conn, id, out.data, out.len);
  buf_free(&out);
}

/* Answers the first join and takes it away. */
static void end_join(struct recovery *recovery, struct join *join) {
  struct call_arg table = {CALL_JSON, join->table, join->len};
  struct stats *stats = recovery->held.conn->owner->stats;
  list_remove(&join->node);
  stats->joins_recovered += join->recovered == POSITION_RECOVERED;
  stats->joins_lost += join->recovered == POSITION_LOST;
  answer_late(recovery->held.conn, &join->id, recovery->held.room, table,
              recovery->at, join->recovered);
  mem_free(join);
}

void recovery_send_resync(struct recovery *recovery) {
  struct frame *frame = resync_frame(recovery_engine(recovery),
                                     recovery->held.room, recovery->at);
  resync_tell(recovery->held.conn, frame);
  frame_unref(frame);
}

/* --- life ---------------------------------------------------------------- */

static void drop_list(struct recovery *recovery) {
  while (recovery->next < recovery->count)
    frame_unref(recovery->list[recovery->next++].frame);
  mem_free(recovery->list);
  recovery->list = NULL;
  recovery->next = recovery->count = 0;
}

/* Joins that are not answered by now have left again, or closed. */
static void free_recovery(struct recovery *recovery) {
  struct join *join;
  if (recovery->read)
    engine_cancel(recovery_engine(recovery), recovery->read);
  list_remove(&recovery->task.node);
  drop_list(recovery);
  while ((join = recovery_join(recovery))) {
    if (join->since.kind != SINCE_NOW)
      join->recovered = POSITION_LOST;
    end_join(recovery, join);
  }
  mem_free(recovery);
}

static void on_hold_ended(struct held *held) {
  struct recovery *recovery = recovery_of(held);
  recovery->over = true;
  if (!recovery->running)
    free_recovery(recovery);
}

static void on_recovery_turn(struct task *task);

static struct recovery *hold_member(struct conn *conn, struct room *room,
                                    struct engine_position at) {
  struct recovery *recovery = mem_alloc(sizeof *recovery);
  recovery->held.ended = on_hold_ended;
  recovery->at = at;
  recovery->base = room->at;
  recovery->task.run = on_recovery_turn;
  list_init(&recovery->task.node);
  list_init(&recovery->joins);
  held_begin(&recovery->held, conn, room);
  return recovery;
}

static void go_on_later(struct recovery *recovery) {
  turn_add(&protocol_of_recovery(recovery)->host.turn, TURN_CLIENTS,
           &recovery->task);
}

void recovery_go_on(struct recovery *recovery) {
  if (recovery->over)
    free_recovery(recovery);
  else
    go_on_later(recovery);
}

/* --- sending ------------------------------------------------------------- */

/* So that no bound of its queue is exceeded. */
static bool has_enough(const struct conn *conn) {
  size_t bound = conn->owner->queue_bytes / 2;
  if (bound > RECOVER_STEP_BYTES)
    bound = RECOVER_STEP_BYTES;
  return conn->out.bytes >= bound;
}

/* Whether others are to have their turn, or its socket is to have room first.
 * It goes on later then, if nobody else says so: see recover_go_on. */
static bool is_paced(struct recovery *recovery) {
  struct conn *conn = recovery->held.conn;
  if (conn->state != CONN_READY)
    return true;
  if (!conn->blocked && has_enough(conn))
    conn->io->flush(conn);
  if (conn->blocked)
    return true;
  if (recovery->sent < RECOVER_STEP_BYTES && !has_enough(conn))
    return false;
  recovery->sent = 0;
  go_on_later(recovery);
  return true;
}

static void send_message(struct recovery *recovery, struct frame *frame,
                         struct engine_position at) {
  recovery->sent += frame->len;
  if (at.era)
    recovery->at = at;
  (void)conn_send(recovery->held.conn, frame); /* full: it is closed */
}

static void send_from_list(struct recovery *recovery) {
  const struct engine_message *message = &recovery->list[recovery->next++];
  struct engine_position at = {recovery->now.era, message->seq};
  struct frame *frame = message->frame;
  recovery->held.conn->owner->stats->messages_recovered++;
  send_message(recovery, frame, at);
  frame_unref(frame);
  if (recovery->next < recovery->count)
    return;
  if (!recovery->more)
    recovery->at = recovery->now;
  drop_list(recovery);
}

/* Whether something was sent, or dropped, of what has waited. */
static bool send_waiting(struct recovery *recovery) {
  struct held_message message;
  if (!held_shift(&recovery->held, &message))
    return false;
  if (message.at.era)
    recovery->base = message.at;
  if (!message.at.era || position_is_before(recovery->at, message.at))
    send_message(recovery, message.frame, message.at);
  frame_unref(message.frame);
  return true;
}

/* Nothing of what waits is left, and what came after that is to be read. */
static void read_missed(struct recovery *recovery) {
  recovery->held.missed = false;
  recovery->base = recovery->held.room->at;
  missed_read_on(recovery);
}

/* Its client takes what it is sent again. */
static void catch_up(struct recovery *recovery) {
  const struct room *room = recovery->held.room;
  recovery->behind = false;
  if (room->behind || (room->rule && room->rule->latest))
    return; /* what was missed is read when nothing waits any more */
  recovery->held.missed = false;
  recovery->at = recovery->base = room->at;
  recovery_send_resync(recovery);
}

/* Whether it begins, or is answered. */
static bool serve_join(struct recovery *recovery) {
  struct join *join = recovery_join(recovery);
  if (!join)
    return false;
  if (join->begun || join->since.kind == SINCE_NOW) {
    end_join(recovery, join);
    return true;
  }
  join->begun = true;
  missed_read_for_join(recovery, join);
  return true;
}

static void release_member(struct recovery *recovery) {
  struct room *room = recovery->held.room;
  recovery->held.floor = recovery->at;
  if (!room->inside) /* not any more, and nothing comes */
    recovery->held.floor = room->at;
  held_open(&recovery->held);
}

/* Does the next thing; returns whether there is another one to be done now. */
static bool step_recovery(struct recovery *recovery) {
  if (recovery->read || recovery->held.open || is_paced(recovery))
    return false;
  if (recovery->next < recovery->count)
    send_from_list(recovery);
  else if (recovery->more)
    missed_read_on(recovery);
  else if (recovery->behind)
    catch_up(recovery);
  else if (!serve_join(recovery) && !send_waiting(recovery)) {
    if (recovery->held.missed)
      read_missed(recovery);
    else
      release_member(recovery);
  }
  return !recovery->over;
}

static void on_recovery_turn(struct task *task) {
  struct recovery *recovery = container_of(task, struct recovery, task);
  recovery->running = true;
  while (step_recovery(recovery))
    continue;
  recovery->running = false;
  if (recovery->over)
    free_recovery(recovery);
}

/* --- what others ask for ------------------------------------------------- */

static bool is_at(const struct room *room, const struct engine *engine,
                  const struct since *since) {
  char epoch[ENGINE_EPOCH_BYTES];
  engine_epoch(engine, room->at.era, epoch);
  return since->kind == SINCE_POSITION && since->seq == room->at.seq &&
         !strcmp(since->epoch, epoch);
}

/* What comes waits again. What is on its way, up to the floor, is known. */
static void close_floor(struct recovery *recovery) {
  const struct room *room = recovery->held.room;
  bool ahead = position_is_before(room->at, recovery->at);
  if (!recovery->held.open)
    return;
  recovery->held.open = false;
  recovery->base = ahead ? recovery->at : room->at;
}

static void add_join(struct recovery *recovery, const struct msg_id *id,
                     const struct since *since, struct call_arg table) {
  struct join *join = mem_alloc(sizeof *join + table.len);
  join->id = *id;
  join->since = *since;
  join->len = table.len;
  if (table.len > 0)
    memcpy(join->table, table.text, table.len);
  list_init(&join->node);
  list_push(&recovery->joins, &join->node);
  close_floor(recovery);
  on_recovery_turn(&recovery->task);
}

static void read_gap(struct recovery *recovery) {
  close_floor(recovery);
  recovery->held.missed = true;
  recovery->repairs = true;
  go_on_later(recovery);
}

static bool has_many_joins(const struct recovery *recovery) {
  int count = 0;
  LIST_FOREACH (it, &recovery->joins)
    count++;
  return count >= RECOVER_JOINS_MAX;
}

void recover_join(struct conn *conn, const struct msg_id *id, struct room *room,
                  const struct since *since, struct call_arg table) {
  struct engine *engine = protocol_of(conn)->manager.engine;
  struct held *held = held_find(conn, room);
  if (held && has_many_joins(recovery_of(held)))
    answer_error(conn, id, ERR_RATE_LIMITED, "this room is being joined");
  else if (held)
    add_join(recovery_of(held), id, since, table);
  else if (since->kind == SINCE_NOW)
    answer_late(conn, id, room, table, room->at, POSITION_PLAIN);
  else if (is_at(room, engine, since))
    answer_late(conn, id, room, table, room->at, POSITION_RECOVERED);
  else
    add_join(hold_member(conn, room, room->at), id, since, table);
}

void recover_behind(struct conn *conn, struct room *room) {
  struct recovery *recovery = hold_member(conn, room, room->at);
  conn->owner->stats->members_behind++;
  recovery->behind = true;
  recovery->held.missed = true;
}

void recover_gap(struct room *room) {
  LIST_FOREACH (it, &room->held)
    read_gap(recovery_of(container_of(it, struct held, in_room)));
  while (room->live > 0) {
    struct conn *conn = room->members[room->live - 1].conn;
    read_gap(hold_member(conn, room, room->at));
  }
}

void recover_go_on(struct conn *conn) {
  LIST_FOREACH (it, &conn->held)
    go_on_later(recovery_of(container_of(it, struct held, in_conn)));
}
