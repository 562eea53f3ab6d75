/* SPDX-License-Identifier: MIT
 * What stands in Redis about a room with numbers: under which keys, how much of
 * it, and for how long. */
#include "cluster/state.h"

#include <string.h>

enum {
  LIST_MAX = 10000,            /* messages of a room in Redis */
  KEEP_S = 7 * 24 * 3600,      /* where a rule names no time */
  HASH_KEEP_S = 3 * 24 * 3600, /* the least that a room's position is known */
};

void room_keys_put(struct room_keys *keys, const struct cluster *cluster,
                   const char *room, size_t len, bool latest) {
  char tag[SHARDS_TAG_BYTES];
  struct buf *out = &keys->text;
  shards_tag(room, len, tag);
  const char *endings = latest ? "km" : "hm";
  size_t at[2];
  for (int i = 0; i < 2; i++) {
    at[i] = out->len;
    buf_printf(out, "%s:%s:%c:", cluster->options.prefix, tag, endings[i]);
    buf_put(out, room, len);
  }
  keys->kept = (struct slice){out->data + at[0], at[1] - at[0]};
  keys->hash = (struct slice){out->data + at[1], out->len - at[1]};
}

void id_key_put(struct buf *out, const struct cluster *cluster,
                enum name_kind kind, struct slice target, struct slice id) {
  char tag[SHARDS_TAG_BYTES];
  name_tag(kind, target.at, target.len, tag);
  buf_printf(out, "%s:%s:i:%zu:", cluster->options.prefix, tag, target.len);
  buf_put(out, target.at, target.len);
  buf_putc(out, ':');
  buf_put(out, id.at, id.len);
}

uint32_t rule_keep(const struct rule *rule) {
  return rule->messages < LIST_MAX ? rule->messages : LIST_MAX;
}

/* A quarter more than it is good for: it is not told anew with each message. */
uint64_t rule_list_s(const struct rule *rule) {
  uint64_t keep_s = rule->keep_ms > 0 ? (rule->keep_ms + 999) / 1000 : KEEP_S;
  return keep_s + keep_s / 4 + 1;
}

uint64_t rule_hash_s(const struct rule *rule) {
  uint64_t list_s = rule_list_s(rule);
  return list_s * 2 > HASH_KEEP_S ? list_s * 2 : HASH_KEEP_S;
}
