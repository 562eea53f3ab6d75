/* SPDX-License-Identifier: MIT
 * Pages of a history. */
#include "hub/history.h"

#include "wire/json.h"

const struct rule *history_rule(const struct manager *manager, const char *room,
                                size_t len) {
  const struct rule *rule = NULL;
  if (manager_room_name_ok(room, len))
    rule = rules_find(manager->rules, room, len);
  return rule && rule->numbered ? rule : NULL;
}

static enum engine_range range_of(const struct history_page *page) {
  if (page->has_after)
    return ENGINE_AFTER;
  return page->has_before ? ENGINE_BEFORE : ENGINE_LAST;
}

/* A page is one message to a client: half of what may wait for one at most. */
struct engine_read *history_read(const struct manager *manager,
                                 const char *room, size_t len,
                                 const struct rule *rule,
                                 const struct history_page *page,
                                 engine_read_fn *done, void *arg) {
  struct engine_query query = {.room = room,
                               .room_len = len,
                               .rule = rule,
                               .range = range_of(page),
                               .after = page->after,
                               .before = page->before,
                               .limit = page->limit,
                               .bytes = manager->limits.queue_bytes / 2};
  if (page->has_before && page->before == 0)
    query.before = 1; /* nothing is before that, either */
  return engine_read(manager->engine, manager->worker, &query, done, arg);
}

/* What stands at a key of a message. */
struct member_text {
  const char *at;
  size_t len;
};

static void find_members(const struct frame *frame, struct member_text *type,
                         struct member_text *data) {
  size_t len;
  const char *payload = (const char *)frame_payload(frame, &len);
  struct json_scan scan = {payload, payload + len};
  int more = json_enter(&scan, '}');
  while (more > 0) {
    struct json_string key;
    if (json_scan_key(&scan, &key))
      return;
    struct member_text value = {.at = scan.at};
    if (json_skip_value(&scan, 1))
      return;
    value.len = (size_t)(scan.at - value.at);
    if (key.len == 4 && !memcmp(key.text, "type", 4))
      *type = value;
    else if (key.len == 4 && !memcmp(key.text, "data", 4))
      *data = value;
    more = json_next(&scan, '}');
  }
}

static void put_history_message(struct buf *out,
                                const struct engine_message *message) {
  struct member_text type = {"\"\"", 2}, data = {0};
  find_members(message->frame, &type, &data);
  buf_printf(out, "{\"seq\":%llu,\"type\":", (unsigned long long)message->seq);
  buf_put(out, type.at, type.len);
  if (data.len > 0) {
    buf_puts(out, ",\"data\":");
    buf_put(out, data.at, data.len);
  }
  buf_printf(out, ",\"at\":%lld}", (long long)message->at_ms);
}

void history_put(struct buf *out, const struct engine *engine,
                 const struct engine_answer *answer) {
  char epoch[ENGINE_EPOCH_BYTES];
  engine_epoch(engine, answer->now.era, epoch);
  buf_printf(out, "{\"epoch\":\"%s\",\"seq\":%llu,\"messages\":[", epoch,
             (unsigned long long)answer->now.seq);
  for (uint32_t i = 0; i < answer->count; i++) {
    if (i > 0)
      buf_putc(out, ',');
    put_history_message(out, &answer->messages[i]);
  }
  buf_printf(out, "],\"more\":%s}", answer->more ? "true" : "false");
}
