/* SPDX-License-Identifier: MIT
 * The key/value store that all scripts of the process share.
 *
 * Any thread may call any function, and each call is atomic. The caller gives
 * the time, in milliseconds of one monotonic clock. It does no harm when the
 * times of two threads differ a little. */
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

/* `keys` and `bytes` say what is held now; expired keys that nobody has looked
 * at since are in them. All else is counted from the start. */
struct store_stats {
  uint64_t keys, bytes;
  uint64_t hits, misses; /* of store_get */
  uint64_t evicted;      /* keys that made room for others */
  uint64_t expired;
};

struct store;

/* Returns a store of up to `max_bytes`; STORE_OVERHEAD is counted for each key.
 * A value that is larger than the store stands in it alone. */
MUST_CHECK struct store *store_new(size_t max_bytes);

/* No thread may use it any more. Accepts NULL. */
void store_free(struct store *store);

/* Returns whether the key is there. If so, `value` gets its value. The bytes of
 * the value, if it has any, are appended to `out`, and value->bytes points
 * there. */
bool store_get(struct store *store, struct store_key key, uint64_t now_ms,
               struct store_value *value, struct buf *out);

/* Sets or replaces the value of a key; both are copied. The key expires
 * `ttl_ms` after `now_ms` (0: never). When the store is full, the keys that
 * were not used for the longest time go. */
void store_set(struct store *store, struct store_key key,
               const struct store_value *value, uint64_t now_ms,
               uint64_t ttl_ms);

/* The same, but only if the key is not there. Returns whether it was set. */
bool store_add(struct store *store, struct store_key key,
               const struct store_value *value, uint64_t now_ms,
               uint64_t ttl_ms);

/* Sets the key, or deletes it when `value` is NULL; but only if its value still
 * has this version, which store_get has told (0: if the key is still not
 * there). It expires after `ttl_ms`. With a `ttl_ms` of 0 it keeps its time,
 * and a new key never expires. Returns whether it was done. */
MUST_CHECK bool store_swap(struct store *store, struct store_key key,
                           uint64_t version, const struct store_value *value,
                           uint64_t now_ms, uint64_t ttl_ms);

/* Adds the number `by`. A key that is not there begins at `by` and expires
 * after `ttl_ms`; a key that is there keeps its time. The sum of two integers
 * is an integer. `sum` gets the result, if the verdict is STORE_COUNTED. Else
 * nothing has changed: the value is not a number, or int64 cannot hold the sum.
 */
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

/* Returns all that the store counts, as it is at one instant. */
struct store_stats store_stats(struct store *store);

#endif
