/* SPDX-License-Identifier: MIT
 * The key/value store that all scripts of the process share.
 *
 * Every function may be called from any thread and is atomic. Time is given
 * by the caller, in milliseconds of one monotonic clock; threads that are a
 * little apart do no harm. */
#ifndef ENGINE_STORE_H
#define ENGINE_STORE_H

#include "base/attr.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  STORE_KEY_BYTES = 256,
  STORE_VALUE_BYTES = 512 * 1024,
  STORE_OVERHEAD = 160, /* what a key costs besides its bytes and value */
};

/* 1 to STORE_KEY_BYTES bytes of any kind. */
struct store_key {
  const char *bytes;
  size_t len;
};

/* Numbers have a form of their own, so that they can be counted with. */
struct store_value {
  enum { STORE_BYTES, STORE_INTEGER, STORE_FLOAT } kind;
  int64_t integer;   /* of STORE_INTEGER */
  double number;     /* of STORE_FLOAT */
  const char *bytes; /* of STORE_BYTES; they mean nothing to the store */
  size_t len;        /* 0 to STORE_VALUE_BYTES; 0 for numbers */
  uint64_t version;  /* the store's own: another one after each write */
};

enum store_verdict { STORE_COUNTED, STORE_NOT_A_NUMBER, STORE_OVERFLOW };

/* `keys` and `bytes` are what is held now, expired keys that nobody has met
 * yet included; the rest is counted from the start. */
struct store_stats {
  uint64_t keys, bytes;
  uint64_t hits, misses; /* of store_get */
  uint64_t evicted;      /* keys that made room for others */
  uint64_t expired;
};

struct store;

/* A store that holds up to `max_bytes`, counted with STORE_OVERHEAD. A value
 * that is larger than all of it takes the whole store, alone. */
MUST_CHECK struct store *store_new(size_t max_bytes);

/* No thread uses it any more. Accepts NULL. */
void store_free(struct store *store);

/* Whether the key is there. Then its value is in `value`, and its bytes, if
 * it has any, are appended to `out`: value->bytes points there. */
bool store_get(struct store *store, struct store_key key, uint64_t now_ms,
               struct store_value *value, struct buf *out);

/* Sets or replaces; key and value are copied. It expires `ttl_ms` after
 * `now_ms`; 0: never. If the store is full, the keys that were not used for
 * the longest time go. */
void store_set(struct store *store, struct store_key key,
               const struct store_value *value, uint64_t now_ms,
               uint64_t ttl_ms);

/* The same, but only if the key is not there. Returns whether it was set. */
bool store_add(struct store *store, struct store_key key,
               const struct store_value *value, uint64_t now_ms,
               uint64_t ttl_ms);

/* Sets the key, or deletes it (`value` NULL), but only if what it holds is of
 * this version still, as store_get told it; 0: if it is not there still. It
 * expires after `ttl_ms`; 0: when it would have, a new key never. Returns
 * whether it was done. */
MUST_CHECK bool store_swap(struct store *store, struct store_key key,
                           uint64_t version, const struct store_value *value,
                           uint64_t now_ms, uint64_t ttl_ms);

/* Adds the number `by`; a key that is not there begins at `by` and expires
 * after `ttl_ms`, one that is there keeps its time. Two integers give an
 * integer. `sum` gets the result, unless the verdict is that nothing was
 * changed: the value is not a number, or int64 cannot hold the sum. */
MUST_CHECK enum store_verdict store_incr(struct store *store,
                                         struct store_key key,
                                         const struct store_value *by,
                                         uint64_t now_ms, uint64_t ttl_ms,
                                         struct store_value *sum);

/* Whether the key was there. */
bool store_delete(struct store *store, struct store_key key, uint64_t now_ms);

/* What store_keys may do. */
struct store_search {
  struct store_key prefix; /* of any length, also 0 */
  size_t looks; /* keys to look at: nobody else is let in meanwhile */
  size_t max;   /* keys to return */
};

/* Appends the keys that begin with the prefix to `out`, last used first: each
 * as its length, a uint16_t, and its bytes. Returns their number. `more` says
 * whether some may be left out, as one of the two bounds was reached. */
size_t store_keys(struct store *store, const struct store_search *search,
                  uint64_t now_ms, struct buf *out, bool *more);

/* What the store counts, all of one instant. */
struct store_stats store_stats(struct store *store);

#endif
