/* SPDX-License-Identifier: MIT
 * One numbered room. */
#include "engine/channel.h"

#include "base/mem.h"

#include <string.h>

bool worker_set_empty(const struct worker_set *set) {
  uint64_t any = 0;
  for (int i = 0; i < CHANNEL_SET_WORDS; i++)
    any |= set->words[i];
  return any == 0;
}

struct channel *channel_new(const char *name, size_t len, uint64_t era) {
  struct channel *channel = mem_alloc(sizeof *channel + len + 1);
  memcpy(channel->name, name, len);
  channel->at.era = era;
  list_init(&channel->all);
  list_init(&channel->use);
  return channel;
}

void channel_free(struct channel *channel) {
  kept_clear(&channel->kept);
  list_remove(&channel->all);
  list_remove(&channel->use);
  mem_free(channel);
}

/* --- what is kept ------------------------------------------------------- */

static bool is_too_old(const struct channel *channel,
                       const struct kept_entry *entry, uint64_t now_ms) {
  uint64_t keep_ms = channel->rule.keep_ms;
  return keep_ms > 0 && now_ms >= entry->at_ms + keep_ms;
}

void channel_trim(struct channel *channel, uint64_t now_ms) {
  struct kept *kept = &channel->kept;
  const struct kept_entry *first;
  while ((first = kept_first(kept)) && (kept->count > channel->rule.messages ||
                                        kept->bytes > channel->rule.bytes ||
                                        is_too_old(channel, first, now_ms))) {
    channel->trimmed = first->seq;
    kept_drop_first(kept);
  }
}

void channel_bound(struct channel *channel, const struct rule *rule,
                   uint64_t now_ms) {
  struct rule *old = &channel->rule;
  bool same = old->messages == rule->messages && old->bytes == rule->bytes &&
              old->keep_ms == rule->keep_ms && old->latest == rule->latest;
  if (same)
    return;
  *old = *rule;
  channel->rules = 0;
  channel_trim(channel, now_ms);
}

void channel_keep(struct channel *channel, struct frame *frame,
                  const struct engine_publication *publication,
                  uint64_t now_ms) {
  bool latest = channel->rule.latest;
  const char *key = publication->key ? publication->key : "";
  if (!channel_keeps(channel)) {
    channel->trimmed = channel->at.seq;
    return;
  }
  kept_push(&channel->kept, frame, channel->at.seq, now_ms, latest ? key : NULL,
            publication->key_len);
  channel_trim(channel, now_ms);
}

void channel_lose(struct channel *channel, uint64_t era) {
  kept_clear(&channel->kept);
  channel->at = (struct engine_position){.era = era};
  channel->trimmed = 0;
  channel->behind = (struct worker_set){{0}}; /* BUS_ERA tells them, too */
}

void channel_empty(struct channel *channel) {
  kept_clear(&channel->kept);
  channel->trimmed = channel->at.seq;
}

bool channel_is_over(const struct channel *channel, uint64_t now_ms) {
  const struct rule *rule = &channel->rule;
  if (channel->followed)
    return false;
  if (!worker_set_empty(&channel->inside) || channel->kept.count > 0)
    return false;
  if (channel->at.seq == 0 || !channel_keeps(channel))
    return true;
  return rule->keep_ms > 0 &&
         now_ms >= channel->used_ns / 1000000 + rule->keep_ms;
}

/* --- reading ------------------------------------------------------------ */

/* Places of the ring, from `from` on and before `to`. */
struct span {
  uint32_t from, to;
};

static struct span span_of(const struct channel *channel,
                           const struct engine_query *query) {
  const struct kept *kept = &channel->kept;
  struct span span = {0, kept->places};
  bool forwards = query->range == ENGINE_SINCE || query->range == ENGINE_AFTER;
  if (forwards)
    span.from = kept_place(kept, query->after + 1);
  if (query->range != ENGINE_SINCE && query->range != ENGINE_LAST &&
      query->before > 0)
    span.to = kept_place(kept, query->before);
  if (span.from > span.to)
    span.from = span.to;
  return span;
}

static bool is_recovered(const struct channel *channel,
                         const struct engine_query *query, const char *epoch) {
  if (query->range != ENGINE_SINCE)
    return true;
  return strcmp(query->epoch, epoch) == 0 && query->after >= channel->trimmed &&
         query->after <= channel->at.seq;
}

/* Whether one more of that length may be told. */
static bool has_room(const struct engine_query *query,
                     const struct engine_answer *answer, size_t bytes,
                     const struct frame *frame) {
  if (answer->count >= query->limit)
    return false;
  return query->bytes == 0 || answer->count == 0 ||
         bytes + frame->len <= query->bytes;
}

/* Collects from one end of the span, in the order in which they are found. */
static void collect_messages(const struct channel *channel,
                             const struct engine_query *query, struct span span,
                             bool forwards, struct engine_answer *answer) {
  uint32_t most = span.to - span.from;
  if (most > query->limit)
    most = query->limit;
  struct engine_message *found = mem_alloc_raw((most + 1) * sizeof *found);
  size_t bytes = 0;
  answer->messages = found;
  for (uint32_t i = 0; i < span.to - span.from; i++) {
    uint32_t place = forwards ? span.from + i : span.to - 1 - i;
    const struct kept_entry *entry = kept_at(&channel->kept, place);
    if (!entry->frame)
      continue;
    if (!has_room(query, answer, bytes, entry->frame)) {
      answer->more = true;
      return;
    }
    bytes += entry->frame->len;
    found[answer->count++] = (struct engine_message){
        frame_ref(entry->frame), entry->seq, (int64_t)entry->at_ms};
  }
}

static void reverse_messages(struct engine_message *messages, uint32_t count) {
  for (uint32_t i = 0; i < count / 2; i++) {
    struct engine_message swapped = messages[i];
    messages[i] = messages[count - 1 - i];
    messages[count - 1 - i] = swapped;
  }
}

void channel_read(const struct channel *channel,
                  const struct engine_query *query, const char *epoch,
                  struct engine_answer *answer) {
  bool forwards = query->range == ENGINE_SINCE || query->range == ENGINE_AFTER;
  *answer = (struct engine_answer){.now = channel->at};
  answer->recovered = is_recovered(channel, query, epoch);
  if (!answer->recovered)
    return;
  collect_messages(channel, query, span_of(channel, query), forwards, answer);
  if (!forwards)
    reverse_messages((struct engine_message *)answer->messages, answer->count);
}
