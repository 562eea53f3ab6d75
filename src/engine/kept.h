/* SPDX-License-Identifier: MIT
 * The messages that are kept for one room, in the order of their numbers.
 *
 * A ring of references to frames. Numbers need not be without gaps: what a
 * newer message has overwritten leaves a hole, which goes when it is the first,
 * or when there are many. */
#ifndef ENGINE_KEPT_H
#define ENGINE_KEPT_H

#include "wire/frame.h"

#include <stdbool.h>

struct kept_key;

struct kept_entry {
  struct frame *frame; /* a reference; NULL: a hole */
  uint64_t seq;
  uint64_t at_ms : 40;      /* of the engine's clock */
  uint64_t twin_bytes : 24; /* of the compressed frame, as far as is known */
  struct kept_key *key; /* of a message in a room with `latest`; else NULL */
};

/* Zeroed: empty. */
struct kept {
  struct kept_entry *ring;
  uint32_t head, cap;
  uint32_t places;   /* used of the ring: messages and holes */
  uint32_t count;    /* messages */
  size_t bytes;      /* of their frames */
  size_t twin_bytes; /* of those that are compressed */
  uint32_t key_count;
  size_t key_bytes;      /* of the keys' texts */
  struct kept_key *keys; /* a table of all keys; NULL: they are few */
};

/* Keeps a message, whose number is larger than all others; takes a reference of
 * its own. With `key` (NULL: none) an older one of the same key goes. */
void kept_push(struct kept *kept, struct frame *frame, uint64_t seq,
               uint64_t at_ms, const char *key, size_t key_len);

/* The oldest message; NULL if there is none. It is good until the next call. */
const struct kept_entry *kept_first(const struct kept *kept);

/* Drops the oldest message. There is one. */
void kept_drop_first(struct kept *kept);

/* The place of the first message or hole whose number is at least `seq`, 0 …
 * places. */
uint32_t kept_place(const struct kept *kept, uint64_t seq);

/* What is at that place, 0 … places - 1: perhaps a hole. */
static inline const struct kept_entry *kept_at(const struct kept *kept,
                                               uint32_t place) {
  uint32_t at = kept->head + place;
  return &kept->ring[at < kept->cap ? at : at - kept->cap];
}

/* The memory that it needs, about, without the struct itself. */
size_t kept_cost(const struct kept *kept);

/* Drops everything. */
void kept_clear(struct kept *kept);

#endif
