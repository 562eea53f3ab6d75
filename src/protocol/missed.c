/* SPDX-License-Identifier: MIT
 * From the history to recovery->list.
 *
 * The newest messages are those from a number on, and what comes after them: so
 * a member of before does not lose what comes between its position and these.
 * Numbers are without gaps, and it is known at which one they begin. But in a
 * room of values (`latest`) most numbers are gone. There the newest values are
 * looked for backwards, in pages. If one page has all of them, it is sent. Else
 * only the number at which they begin is kept, and from there it is read like
 * anywhere else.
 *
 * Numbers mean something in one era only. When another one has begun meanwhile,
 * the search begins again. */
#include "protocol/missed.h"

#include "hub/declared.h"
#include "protocol/recover.h"

/* --- what was found ------------------------------------------------------ */

/* It cannot be had. A join is told so in its answer. Who has missed even more
 * meanwhile is told once, when that has been read. */
static void note_lost(struct recovery *recovery) {
  struct join *join = recovery_join(recovery);
  bool for_join = join && join->begun;
  recovery->more = false;
  if (!for_join && recovery->held.missed)
    return;
  if (position_is_before(recovery->at, recovery->base))
    recovery->at = recovery->base;
  if (for_join)
    join->recovered = POSITION_LOST;
  else
    recovery_send_resync(recovery);
}

static void keep_what_was_read(struct recovery *recovery,
                               const struct engine_answer *answer) {
  recovery->more = answer->more;
  recovery->now = answer->now;
  if (answer->count == 0) {
    recovery->at = answer->now;
    return;
  }
  recovery->list = mem_alloc_raw(answer->count * sizeof *recovery->list);
  for (uint32_t i = 0; i < answer->count; i++) {
    recovery->list[i] = answer->messages[i];
    frame_ref(recovery->list[i].frame);
  }
  recovery->next = 0;
  recovery->count = answer->count;
}

/* From now on letters come again, of all that is after `now`. Who has not read
 * that far does so. */
static void note_repaired(struct recovery *recovery,
                          struct engine_position now) {
  struct room *room = recovery->held.room;
  recovery->repairs = false;
  if (!room->behind)
    return;
  room->behind = false;
  if (!position_is_before(room->at, now))
    return;
  recover_gap(room);
  recovery->repairs = recovery->held.missed = false;
  recovery->base = room->at = now;
}

/* --- asking -------------------------------------------------------------- */

static void on_history_read(void *arg, const struct engine_answer *answer);

static void ask_history(struct recovery *recovery, struct engine_query query) {
  struct room *room = recovery->held.room;
  struct manager *manager = manager_of(recovery->held.conn);
  if (!declared_numbered(room)) { /* not any more, after a reload */
    if (room->behind)
      declared_exit(manager, room);
    note_lost(recovery);
    return;
  }
  query.room = room->name;
  query.room_len = strlen(room->name);
  query.rule = room->rule;
  query.bytes = RECOVER_STEP_BYTES;
  if (query.limit == 0 || query.limit > RECOVER_READ_MESSAGES)
    query.limit = RECOVER_READ_MESSAGES;
  recovery->by_number = query.range != ENGINE_SINCE;
  recovery->repairing = query.repairs;
  recovery->read = engine_read(manager->engine, manager->worker, &query,
                               on_history_read, recovery);
}

void missed_read_on(struct recovery *recovery) {
  struct engine_query query = {.range = ENGINE_SINCE,
                               .after = recovery->at.seq,
                               .repairs = recovery->repairs};
  engine_epoch(recovery_engine(recovery), recovery->at.era, query.epoch);
  ask_history(recovery, query);
}

/* --- the newest ones ------------------------------------------------------ */

static void read_from(struct recovery *recovery, uint64_t seq) {
  struct engine_query query = {.range = ENGINE_AFTER, .after = seq - 1};
  ask_history(recovery, query);
}

static void look_back(struct recovery *recovery) {
  struct engine_query query = {.range = recovery->before ? ENGINE_BEFORE
                                                         : ENGINE_LAST,
                               .before = recovery->before,
                               .limit = recovery->wanted};
  ask_history(recovery, query);
}

/* Who has just come has heard nothing, and needs nothing between its position
 * and the newest. */
static void read_newest(struct recovery *recovery, const struct since *since) {
  const struct room *room = recovery->held.room;
  uint64_t seq = recovery->at.seq;
  if (!room->rule || !room->rule->latest) {
    read_from(recovery, seq > since->last ? seq - since->last + 1 : 1);
    return;
  }
  recovery->wanted = since->last;
  recovery->before = since->again ? seq + 1 : 0;
  recovery->paged = false;
  look_back(recovery);
}

/* Values that were looked for backwards. */
static void take_values(struct recovery *recovery,
                        const struct engine_answer *answer) {
  bool up_to_now = recovery->before == 0;
  recovery->wanted -= answer->count;
  if (answer->count > 0)
    recovery->before = answer->messages[0].seq;
  if (recovery->wanted > 0 && answer->more) {
    recovery->paged = true;
    look_back(recovery);
    return;
  }
  recovery->wanted = 0;
  if (recovery->paged) {
    read_from(recovery, recovery->before);
    return;
  }
  if (answer->count > 0 || up_to_now)
    keep_what_was_read(recovery, answer);
  recovery->more = !up_to_now;
}

void missed_read_for_join(struct recovery *recovery, struct join *join) {
  struct engine_query query = {.range = ENGINE_SINCE, .after = join->since.seq};
  join->recovered = POSITION_RECOVERED;
  if (join->since.kind == SINCE_LAST) {
    read_newest(recovery, &join->since);
    return;
  }
  memcpy(query.epoch, join->since.epoch, sizeof query.epoch);
  ask_history(recovery, query);
}

/* Another era has begun. Who was a member before has perhaps not heard all of
 * the last one. */
static void look_again(struct recovery *recovery, struct engine_position now) {
  struct join *join = recovery_join(recovery);
  recovery->wanted = 0;
  if (!join || join->since.again) {
    note_lost(recovery);
    return;
  }
  recovery->at = now;
  read_newest(recovery, &join->since);
}

/* --- answers -------------------------------------------------------------- */

static void use_engine_answer(struct recovery *recovery,
                              const struct engine_answer *answer) {
  if (answer->err || !answer->recovered) {
    recovery->wanted = 0;
    note_lost(recovery);
  } else if (recovery->by_number && answer->now.era != recovery->at.era) {
    look_again(recovery, answer->now);
  } else if (recovery->wanted > 0) {
    take_values(recovery, answer);
  } else {
    keep_what_was_read(recovery, answer);
  }
}

static void on_history_read(void *arg, const struct engine_answer *answer) {
  struct recovery *recovery = arg;
  recovery->read = NULL;
  recovery->running = true;
  if (recovery->repairing && !answer->err && !answer->more)
    note_repaired(recovery, answer->now);
  use_engine_answer(recovery, answer);
  recovery->running = false;
  recovery_go_on(recovery);
}
