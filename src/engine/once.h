/* SPDX-License-Identifier: MIT
 * Ids that publications had, and what number each has got, for ENGINE_ONCE_MS.
 * Without locks: the shard that it stands in has one. */
#ifndef ENGINE_ONCE_H
#define ENGINE_ONCE_H

#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct once {
  struct once_id *ids;
  struct list order; /* the oldest is first */
  size_t bytes;      /* that they need, about */
};

/* Of a room: both have a length of at most 128 bytes. */
struct once_name {
  const char *room;
  size_t room_len;
  const char *id;
  size_t id_len;
};

void once_init(struct once *once);

/* Whether the id is known. Then `seq` gets its number. */
bool once_find(struct once *once, const struct once_name *name, uint64_t now_ms,
               uint64_t *seq);

/* Takes in one that is not known. */
void once_add(struct once *once, const struct once_name *name, uint64_t seq,
              uint64_t now_ms);

/* Forgets the ids whose time is over. */
void once_expire(struct once *once, uint64_t now_ms);

/* Forgets the oldest id. There is one. */
void once_drop(struct once *once);

void once_clear(struct once *once);

#endif
