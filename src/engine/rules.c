/* SPDX-License-Identifier: MIT
 * Which rule is a room's.
 *
 * All names stand in one hash table, beginnings without their '*'. There are
 * few different lengths of beginnings, however many rules there are: for each,
 * the longest first, that much of the room's name is looked up. */
#include "engine/rules.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdatomic.h>
#include <string.h>

struct named_rule {
  UT_hash_handle hh;
  struct rule rule;
  char name[];
};

struct rules {
  atomic_uint refs;
  uint32_t count;
  struct named_rule *exact, *beginnings;
  size_t *lengths; /* of beginnings, each once, the longest first */
  size_t length_count;
};

struct rules *rules_new(void) {
  struct rules *rules = mem_alloc(sizeof *rules);
  atomic_init(&rules->refs, 1);
  return rules;
}

static void note_length(struct rules *rules, size_t len) {
  size_t at = 0;
  while (at < rules->length_count && rules->lengths[at] > len)
    at++;
  if (at < rules->length_count && rules->lengths[at] == len)
    return;
  size_t behind = rules->length_count++ - at;
  rules->lengths =
      mem_realloc(rules->lengths, rules->length_count * sizeof(size_t));
  memmove(rules->lengths + at + 1, rules->lengths + at,
          behind * sizeof(size_t));
  rules->lengths[at] = len;
}

void rules_add(struct rules *rules, const char *name, const struct rule *rule) {
  size_t len = strlen(name);
  bool beginning = len > 0 && name[len - 1] == '*';
  if (beginning)
    len--;
  struct named_rule *named = mem_alloc(sizeof *named + len + 1);
  named->rule = *rule;
  memcpy(named->name, name, len);
  rules->count++;
  if (beginning) {
    note_length(rules, len);
    HASH_ADD_KEYPTR(hh, rules->beginnings, named->name, len, named);
  } else {
    HASH_ADD_KEYPTR(hh, rules->exact, named->name, len, named);
  }
}

uint32_t rules_count(const struct rules *rules) {
  return rules->count;
}

const struct rule *rules_find(const struct rules *rules, const char *room,
                              size_t len) {
  struct named_rule *found = NULL;
  if (!rules)
    return NULL;
  HASH_FIND(hh, rules->exact, room, len, found);
  for (size_t i = 0; i < rules->length_count && !found; i++)
    if (rules->lengths[i] <= len)
      HASH_FIND(hh, rules->beginnings, room, rules->lengths[i], found);
  return found ? &found->rule : NULL;
}

struct rules *rules_ref(struct rules *rules) {
  if (rules)
    atomic_fetch_add_explicit(&rules->refs, 1, memory_order_relaxed);
  return rules;
}

static void free_named(struct named_rule **table) {
  struct named_rule *named = NULL, *next = NULL;
  HASH_ITER (hh, *table, named, next) {
    HASH_DEL(*table, named);
    mem_free(named);
  }
}

void rules_unref(struct rules *rules) {
  if (!rules ||
      atomic_fetch_sub_explicit(&rules->refs, 1, memory_order_acq_rel) != 1)
    return;
  free_named(&rules->exact);
  free_named(&rules->beginnings);
  mem_free(rules->lengths);
  mem_free(rules);
}
