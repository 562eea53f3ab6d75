/* SPDX-License-Identifier: MIT
 * Messages for those only who are here, of rooms that others may be in.
 *
 * A room with numbers whose rule says so (`history.when_down = "local"`) goes
 * on while Redis is away: its messages are sent to the members of this machine,
 * without a number. They are in no history, and members elsewhere never get
 * them. So that nobody takes his copy for whole, the room owes all members a
 * word: when Redis is back, what was missed meanwhile is handed out, and then a
 * new era begins, in which every member of every machine is told to resync, and
 * in which no older position is good. The debt is paid when Redis is in another
 * era than the one that we have ended; until then it is tried again.
 *
 * A message with an id, or one whose sender waits for its number, is not sent
 * so: it may be repeated when Redis is back, and would be there twice. */
#include "base/mem.h"
#include "cluster/numbers.h"
#include "cluster/parcel.h"

bool local_allows(const struct cluster *cluster,
                  const struct engine_publication *publication) {
  return publication->rule->local_when_down && !publication->id &&
         !publication->done &&
         whereabouts_count_room(cluster->bus->whereabouts, publication->room,
                                publication->room_len)
                 .connections > 0;
}

/* The next fill pays; see local_pay. */
static void owe(struct cluster *cluster, const char *room, size_t len) {
  struct name *name = name_hold(cluster, NAME_ROOM, room, len);
  struct numbers *numbers = name->numbers;
  bool first = numbers && !numbers->owes;
  if (numbers) {
    numbers->owes = true;
    numbers->ended_era = 0;
  }
  if (!first)
    name_drop(name); /* else it is held as long as it owes */
  if (numbers && name->confirmed)
    numbers_fill(name);
}

void local_deliver(struct cluster *cluster, const char *room, size_t len,
                   struct slice bytes) {
  struct record record;
  if (!record_read(bytes, &record))
    return;
  struct frame *frame = frame_new(FRAME_TEXT, record.text.at, record.text.len);
  struct bus_letter letter = {.to = BUS_ROOM,
                              .what = BUS_SEND,
                              .frame = frame,
                              .except = record.except,
                              .drop = record.drop,
                              .target = room,
                              .target_len = len};
  cluster->counters.local++;
  deliver_letter(cluster, &letter);
  frame_unref(frame);
  owe(cluster, room, len);
}

void local_forgive(struct name *name) {
  if (!name->numbers || !name->numbers->owes)
    return;
  name->numbers->owes = false;
  name_drop(name);
}

bool local_pay(struct name *name, struct engine_position at) {
  struct numbers *numbers = name->numbers;
  if (!numbers->owes)
    return false;
  if (numbers->ended_era != 0 && at.era != numbers->ended_era) {
    local_forgive(name);
    return false;
  }
  renew_room(name->cluster, name_text(name), name->len, &numbers->rule, at.era,
             numbers->at.era);
  /* If it fails, the room is looked at again by compare_tick. */
  numbers->again = numbers->ended_era != at.era;
  numbers->ended_era = at.era;
  return true;
}
