/* SPDX-License-Identifier: MIT
 * A ring of kept messages.
 *
 * It grows by a half, so that on average a fifth of it is unused: with 32 bytes
 * a place, a message of 100 bytes costs little more than its frame. It shrinks
 * when most of it is unused. Holes are squeezed out before it would grow.
 *
 * A table of keys costs more than half a kilobyte, however few they are, and a
 * room with `latest` often has one. So a few keys are looked for one by one. */
#include "engine/kept.h"

#include "base/hash.h"
#include "base/mem.h"

#include <string.h>

enum {
  KEPT_MIN = 4,
  MALLOC_BYTES = 16,
  FEW_KEYS = 8,
  TWIN_MAX = (1 << 24) - 1
};

struct kept_key {
  UT_hash_handle hh; /* in kept->keys, if there is a table */
  uint64_t seq;      /* of the newest message that has it */
  size_t len;
  char text[];
};

static struct kept_entry *kept_entry_at(struct kept *kept, uint32_t place) {
  return (struct kept_entry *)kept_at(kept, place);
}

/* Moves everything to a ring of that size, and leaves holes behind. */
static void resize_ring(struct kept *kept, uint32_t cap) {
  struct kept_entry *ring = mem_alloc_raw(cap * sizeof *ring);
  uint32_t places = 0;
  for (uint32_t i = 0; i < kept->places; i++)
    if (kept_at(kept, i)->frame)
      ring[places++] = *kept_at(kept, i);
  mem_free(kept->ring);
  kept->ring = ring;
  kept->cap = cap;
  kept->head = 0;
  kept->places = places;
}

static void make_place(struct kept *kept) {
  if (kept->places < kept->cap)
    return;
  bool holes = kept->places - kept->count > kept->cap / 4;
  uint32_t cap = kept->cap + (holes ? 0 : kept->cap / 2);
  resize_ring(kept, cap < KEPT_MIN ? KEPT_MIN : cap);
}

/* A frame that was sent to a client that understands compressed messages has a
 * compressed twin. When a message was sent is not known here: but mostly it was
 * before the next one comes. So only that of the last message is not counted.
 */
static void count_last_twin(struct kept *kept) {
  struct kept_entry *last =
      kept->places > 0 ? kept_entry_at(kept, kept->places - 1) : NULL;
  if (!last || !last->frame)
    return;
  struct frame *twin =
      atomic_load_explicit(&last->frame->twin, memory_order_acquire);
  if (!twin || twin == last->frame)
    return;
  size_t bytes = sizeof *twin + twin->len;
  last->twin_bytes = (bytes < TWIN_MAX ? bytes : TWIN_MAX) & TWIN_MAX;
  kept->twin_bytes += last->twin_bytes;
}

static void empty_place(struct kept *kept, struct kept_entry *entry) {
  kept->twin_bytes -= entry->twin_bytes;
  kept->bytes -= entry->frame->len;
  kept->count--;
  frame_unref(entry->frame);
  entry->frame = NULL;
}

static void skip_holes(struct kept *kept) {
  while (kept->places > 0 && !kept_at(kept, 0)->frame) {
    kept->head = kept->head + 1 < kept->cap ? kept->head + 1 : 0;
    kept->places--;
  }
  if (kept->cap > KEPT_MIN && kept->places < kept->cap / 4)
    resize_ring(kept, kept->cap / 2);
}

static struct kept_key *find_kept_key(const struct kept *kept, const char *text,
                                      size_t len) {
  struct kept_key *key = NULL;
  if (kept->keys) {
    HASH_FIND(hh, kept->keys, text, len, key);
    return key;
  }
  for (uint32_t i = 0; i < kept->places; i++) {
    const struct kept_entry *entry = kept_at(kept, i);
    key = entry->frame ? entry->key : NULL;
    if (key && key->len == len && memcmp(key->text, text, len) == 0)
      return key;
  }
  return NULL;
}

static void hash_kept_key(struct kept *kept, struct kept_key *key) {
  HASH_ADD_KEYPTR(hh, kept->keys, key->text, key->len, key);
}

static struct kept_key *new_kept_key(struct kept *kept, const char *text,
                                     size_t len) {
  struct kept_key *key = mem_alloc_raw(sizeof *key + len + 1);
  memcpy(key->text, text, len);
  key->text[len] = 0;
  key->len = len;
  if (!kept->keys && kept->key_count == FEW_KEYS)
    for (uint32_t i = 0; i < kept->places; i++)
      if (kept_at(kept, i)->frame && kept_at(kept, i)->key)
        hash_kept_key(kept, kept_at(kept, i)->key);
  if (kept->keys)
    hash_kept_key(kept, key);
  kept->key_count++;
  kept->key_bytes += len;
  return key;
}

/* The key of a new message. What had it before makes place for it. */
static struct kept_key *take_key(struct kept *kept, const char *text,
                                 size_t len, uint64_t seq) {
  struct kept_key *key = find_kept_key(kept, text, len);
  if (key) {
    empty_place(kept, kept_entry_at(kept, kept_place(kept, key->seq)));
    skip_holes(kept);
  } else {
    key = new_kept_key(kept, text, len);
  }
  key->seq = seq;
  return key;
}

static void drop_key(struct kept *kept, struct kept_key *key) {
  if (!key)
    return;
  if (kept->keys)
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is in the table
    HASH_DEL(kept->keys, key);
  kept->key_count--;
  kept->key_bytes -= key->len;
  mem_free(key);
}

void kept_push(struct kept *kept, struct frame *frame, uint64_t seq,
               uint64_t at_ms, const char *key, size_t key_len) {
  struct kept_entry entry = {.frame = frame_ref(frame),
                             .seq = seq,
                             .at_ms = at_ms & (((uint64_t)1 << 40) - 1)};
  count_last_twin(kept);
  if (key)
    entry.key = take_key(kept, key, key_len, seq);
  make_place(kept);
  *kept_entry_at(kept, kept->places++) = entry;
  kept->count++;
  kept->bytes += frame->len;
}

const struct kept_entry *kept_first(const struct kept *kept) {
  return kept->places > 0 ? kept_at(kept, 0) : NULL;
}

void kept_drop_first(struct kept *kept) {
  struct kept_entry *first = kept_entry_at(kept, 0);
  drop_key(kept, first->key);
  empty_place(kept, first);
  skip_holes(kept);
}

uint32_t kept_place(const struct kept *kept, uint64_t seq) {
  uint32_t from = 0, to = kept->places;
  while (from < to) {
    uint32_t middle = from + (to - from) / 2;
    if (kept_at(kept, middle)->seq < seq)
      from = middle + 1;
    else
      to = middle;
  }
  return from;
}

size_t kept_cost(const struct kept *kept) {
  size_t frame = sizeof(struct frame) + MALLOC_BYTES;
  size_t key = sizeof(struct kept_key) + MALLOC_BYTES;
  size_t cost = kept->bytes + kept->twin_bytes + kept->count * frame;
  cost += kept->key_bytes + kept->key_count * key;
  cost += kept->cap * sizeof(struct kept_entry);
  if (kept->keys) /* its handles stand in the keys */
    cost += HASH_OVERHEAD(hh, kept->keys) -
            kept->key_count * sizeof(UT_hash_handle);
  return cost;
}

void kept_clear(struct kept *kept) {
  while (kept->places > 0)
    kept_drop_first(kept);
  mem_free(kept->ring);
  *kept = (struct kept){0};
}
