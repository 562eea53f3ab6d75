/* SPDX-License-Identifier: MIT
 * Rooms with numbers, as this machine follows them.
 *
 * Redis has what is kept of a room; this process has a copy (memory_follow),
 * and its position: the last message that it has handed to its workers. What
 * comes by the channel is the next message, mostly. Then it is taken. One that
 * was read already is dropped. Anything else means that the copy is not what
 * Redis has, and it is filled (cluster/fill): also a number that was heard
 * before. In a cluster the former master may have stood still, and publish what
 * waited for it when another one has its place, whose subscribers hear it. And
 * where Redis could not be read, the next message is not taken: it may have
 * lost the one before that. */
#include "cluster/numbers.h"
#include "base/err.h"
#include "base/mem.h"
#include "cluster/parcel.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- life ----------------------------------------------------------------- */

void numbers_begin(struct name *name, const struct rule *rule) {
  name->numbers = mem_alloc(sizeof *name->numbers);
  name->numbers->rule = *rule;
  list_init(&name->numbers->in_round);
  list_push(&name->cluster->round, &name->numbers->in_round);
  name->cluster->round_count++;
  name->numbers->name = name;
  given_begin(name->numbers);
  if (name->confirmed)
    numbers_fill(name);
}

void numbers_change(struct name *name, const struct rule *rule) {
  bool other = name->numbers->rule.latest != rule->latest;
  name->numbers->rule = *rule;
  if (other && name->confirmed)
    numbers_fill(name);
}

static void set_last(struct numbers *numbers, struct frame *frame) {
  if (frame)
    frame_ref(frame);
  if (numbers->last)
    frame_unref(numbers->last);
  numbers->last = frame;
}

void numbers_end(struct name *name) {
  given_end(name->numbers);
  set_last(name->numbers, NULL);
  list_remove(&name->numbers->in_round);
  name->cluster->round_count--;
  mem_free(name->numbers);
  name->numbers = NULL;
  memory_release(name->cluster->copy, name_text(name), name->len);
}

void numbers_down(struct name *name) {
  name->numbers->filling = NULL;
  name->numbers->again = false;
  given_down(name->numbers);
}

static bool is_at_least(struct engine_position at, const char *epoch,
                        uint64_t after) {
  char text[ENGINE_EPOCH_BYTES];
  snprintf(text, sizeof text, "%" PRIx64, at.era);
  return strcmp(text, epoch) != 0 || at.seq >= after;
}

bool numbers_serve(const struct name *name, const struct engine_wait *wait) {
  const struct numbers *numbers = name->numbers;
  if (!numbers->known)
    return false;
  return wait->asked || !*wait->epoch ||
         is_at_least(numbers->at, wait->epoch, wait->after);
}

/* --- taking --------------------------------------------------------------- */

struct frame *numbers_frame(const struct record *record, uint64_t seq) {
  return memory_frame(record->text.at, record->text.len, record->number_at,
                      seq);
}

static struct memory_message message_of(const struct name *name,
                                        const struct record *record,
                                        struct engine_position at,
                                        struct frame *frame) {
  bool own = record->origin == name->cluster->self;
  return (struct memory_message){.room = name_text(name),
                                 .room_len = name->len,
                                 .rule = &name->numbers->rule,
                                 .at = at,
                                 .frame = frame,
                                 .at_ms = record->at_ms,
                                 .key = record->key.at,
                                 .key_len = record->key.len,
                                 .except = own ? record->except : 0,
                                 .drop = record->drop};
}

void numbers_take(struct name *name, const struct record *record,
                  struct engine_position at) {
  struct numbers *numbers = name->numbers;
  struct frame *frame = numbers_frame(record, at.seq);
  struct memory_message message = message_of(name, record, at, frame);
  if (memory_take(name->cluster->copy, &message) >= 0)
    name->cluster->counters.left_out++;
  numbers->at = at;
  set_last(numbers, frame);
  if (numbers->rule.latest)
    numbers->last_key = given_print(record->key);
  frame_unref(frame);
}

void numbers_replace(struct name *name, const struct kept_record *records,
                     size_t count, struct engine_position at) {
  struct numbers *numbers = name->numbers;
  struct memory_message *messages = mem_alloc((count + 1) * sizeof *messages);
  for (size_t i = 0; i < count; i++) {
    struct engine_position each = {at.era, records[i].seq};
    messages[i] = message_of(name, &records[i].record, each,
                             numbers_frame(&records[i].record, each.seq));
  }
  struct memory_position position = {.room = name_text(name),
                                     .room_len = name->len,
                                     .rule = &numbers->rule,
                                     .at = at};
  /* What is not there was overwritten. */
  position.whole = numbers->rule.latest && count < rule_keep(&numbers->rule);
  memory_place(name->cluster->copy, &position, messages, count);
  numbers->known = true;
  numbers->at = at;
  bool has_last = count > 0 && records[count - 1].seq == at.seq;
  set_last(numbers, has_last ? messages[count - 1].frame : NULL);
  if (has_last && numbers->rule.latest)
    numbers->last_key = given_print(records[count - 1].record.key);
  for (size_t i = 0; i < count; i++)
    frame_unref(messages[i].frame);
  mem_free(messages);
}

/* --- what comes by the channel -------------------------------------------- */

bool take_text_number(struct slice *rest, int base, uint64_t *value) {
  char text[24], *end;
  const char *colon = memchr(rest->at, ':', rest->len);
  size_t len = colon ? (size_t)(colon - rest->at) : 0;
  if (len == 0 || len >= sizeof text)
    return false;
  memcpy(text, rest->at, len);
  text[len] = 0;
  *value = strtoull(text, &end, base);
  *rest = slice_after(*rest, len + 1);
  return !*end;
}

void numbers_heard(struct name *name, struct slice payload) {
  struct numbers *numbers = name->numbers;
  struct record record;
  struct engine_position at;
  if (!take_text_number(&payload, 16, &at.era) ||
      !take_text_number(&payload, 10, &at.seq)) {
    name->cluster->counters.strange++;
    return;
  }
  name->cluster->counters.received++;
  bool same = numbers->known && at.era == numbers->at.era;
  if (numbers->filling) {
    numbers->newest = at;
  } else if (!numbers->refused && same && at.seq == numbers->at.seq + 1 &&
             record_read(payload, &record)) {
    numbers_take(name, &record, at);
  } else if (numbers->refused || !same || at.seq > numbers->filled) {
    numbers->newest = at;
    numbers_fill(name);
  }
}
