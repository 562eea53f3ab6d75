/* SPDX-License-Identifier: MIT
 * Known ids. All have the same time to live: so they expire in their order. */
#include "engine/once.h"

#include "base/hash.h"
#include "base/mem.h"
#include "engine/engine.h"

#include <string.h>

struct once_id {
  UT_hash_handle hh;
  struct list node;
  uint64_t seq, until_ms;
  char name[]; /* room, zero, id: no room has a zero in its name */
};

enum { NAME_MAX_BYTES = 512, ID_COST = sizeof(struct once_id) + 32 };

static size_t write_name(const struct once_name *name,
                         char out[NAME_MAX_BYTES]) {
  memcpy(out, name->room, name->room_len);
  out[name->room_len] = 0;
  memcpy(out + name->room_len + 1, name->id, name->id_len);
  return name->room_len + 1 + name->id_len;
}

void once_init(struct once *once) {
  *once = (struct once){0};
  list_init(&once->order);
}

void once_drop(struct once *once) {
  struct list *node = list_shift(&once->order);
  struct once_id *id = container_of(node, struct once_id, node);
  once->bytes -= ID_COST + id->hh.keylen;
  // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is in the table
  HASH_DEL(once->ids, id);
  mem_free(id);
}

void once_expire(struct once *once, uint64_t now_ms) {
  while (!list_empty(&once->order) &&
         container_of(once->order.next, struct once_id, node)->until_ms <=
             now_ms)
    once_drop(once);
}

bool once_find(struct once *once, const struct once_name *name, uint64_t now_ms,
               uint64_t *seq) {
  char text[NAME_MAX_BYTES];
  struct once_id *found;
  size_t len = write_name(name, text);
  once_expire(once, now_ms);
  HASH_FIND(hh, once->ids, text, len, found);
  if (found)
    *seq = found->seq;
  return found;
}

void once_add(struct once *once, const struct once_name *name, uint64_t seq,
              uint64_t now_ms) {
  char text[NAME_MAX_BYTES];
  size_t len = write_name(name, text);
  struct once_id *id = mem_alloc_raw(sizeof *id + len);
  memcpy(id->name, text, len);
  id->seq = seq;
  id->until_ms = now_ms + ENGINE_ONCE_MS;
  list_init(&id->node);
  list_push(&once->order, &id->node);
  HASH_ADD_KEYPTR(hh, once->ids, id->name, len, id);
  once->bytes += ID_COST + len;
}

void once_clear(struct once *once) {
  while (!list_empty(&once->order))
    once_drop(once);
}
