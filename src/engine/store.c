/* SPDX-License-Identifier: MIT
 * The key/value store.
 *
 * One lock for all of it: what is done under it is a look-up, a copy of at
 * most STORE_VALUE_BYTES and some list work, less than the call from Lua
 * around it. One lock also means one order of use and one count of bytes, so
 * that the limit and what goes first are exact.
 *
 * An entry is one allocation: the key stands behind the struct, the value's
 * bytes behind the key. A number is changed in place; any other new value is
 * a new entry.
 *
 * Keys that have expired are gone for every reader. Their memory comes back
 * when somebody asks for the key, or by the sweep: each write looks at the
 * next few of the keys that have a time, in turn. As a write adds one key at
 * most and the sweep looks at several, it keeps up. */
#include "engine/store.h"

#include "base/list.h"
#include "base/mem.h"

#include "base/hash.h"
#include <string.h>
#include <uv.h>

enum { SWEEP = 8 };

struct entry {
  UT_hash_handle hh;
  struct list used;     /* of store->used */
  struct list expiring; /* of store->expiring; in no list: without a time */
  uint64_t expires_ms;  /* 0: never */
  struct store_value value;
  char key[];
};

_Static_assert(sizeof(struct entry) + 2 * sizeof(void *) <= STORE_OVERHEAD,
               "STORE_OVERHEAD: an entry, its share of the table, malloc's");

struct store {
  uv_mutex_t lock;
  struct entry *table;
  struct list used;     /* least recently used first */
  struct list expiring; /* next to be swept first */
  size_t max_bytes;
  uint64_t version; /* of the last write */
  struct store_stats stats;
};

/* --- entries, under the lock -------------------------------------------- */

static size_t cost(const struct entry *entry) {
  return STORE_OVERHEAD + entry->hh.keylen + entry->value.len;
}

static void drop_entry(struct store *store, struct entry *entry) {
  store->stats.bytes -= cost(entry);
  store->stats.keys--;
  // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is in the table
  HASH_DEL(store->table, entry);
  list_remove(&entry->used);
  list_remove(&entry->expiring);
  mem_free(entry);
}

static bool has_expired(const struct entry *entry, uint64_t now_ms) {
  return entry->expires_ms && entry->expires_ms <= now_ms;
}

static void drop_expired(struct store *store, struct entry *entry) {
  store->stats.expired++;
  drop_entry(store, entry);
}

static struct entry *find_entry(struct store *store, struct store_key key,
                                uint64_t now_ms) {
  struct entry *entry;
  HASH_FIND(hh, store->table, key.bytes, key.len, entry);
  if (!entry || !has_expired(entry, now_ms))
    return entry;
  drop_expired(store, entry);
  return NULL;
}

static void touch(struct store *store, struct entry *entry) {
  list_remove(&entry->used);
  list_push(&store->used, &entry->used);
}

static void sweep(struct store *store, uint64_t now_ms) {
  struct list *node;
  for (int i = 0; i < SWEEP && (node = list_shift(&store->expiring)); i++) {
    struct entry *entry = container_of(node, struct entry, expiring);
    if (has_expired(entry, now_ms))
      drop_expired(store, entry);
    else
      list_push(&store->expiring, node);
  }
}

/* Lets the least recently used go, but not `newest`. */
static void evict_for(struct store *store, const struct entry *newest) {
  while (store->stats.bytes > store->max_bytes) {
    struct entry *oldest = container_of(store->used.next, struct entry, used);
    if (oldest == newest)
      return;
    store->stats.evicted++;
    drop_entry(store, oldest);
  }
}

/* The key is not there. */
static void insert(struct store *store, struct store_key key,
                   const struct store_value *value, uint64_t now_ms,
                   uint64_t ttl_ms) {
  struct entry *entry = mem_alloc_raw(sizeof *entry + key.len + value->len);
  memcpy(entry->key, key.bytes, key.len);
  entry->value = *value;
  if (value->len > 0)
    memcpy(entry->key + key.len, value->bytes, value->len);
  entry->value.bytes = entry->key + key.len;
  entry->value.version = ++store->version;
  entry->expires_ms = ttl_ms ? now_ms + ttl_ms : 0;
  list_init(&entry->expiring);
  if (ttl_ms)
    list_push(&store->expiring, &entry->expiring);
  list_init(&entry->used);
  list_push(&store->used, &entry->used);
  HASH_ADD_KEYPTR(hh, store->table, entry->key, key.len, entry);
  store->stats.keys++;
  store->stats.bytes += cost(entry);
  evict_for(store, entry);
}

/* --- the store ---------------------------------------------------------- */

struct store *store_new(size_t max_bytes) {
  struct store *store = mem_alloc(sizeof *store);
  uv_mutex_init(&store->lock);
  list_init(&store->used);
  list_init(&store->expiring);
  store->max_bytes = max_bytes;
  return store;
}

void store_free(struct store *store) {
  if (!store)
    return;
  LIST_FOREACH_SAFE (it, &store->used)
    drop_entry(store, container_of(it, struct entry, used));
  uv_mutex_destroy(&store->lock);
  mem_free(store);
}

bool store_get(struct store *store, struct store_key key, uint64_t now_ms,
               struct store_value *value, struct buf *out) {
  size_t start = out->len;
  uv_mutex_lock(&store->lock);
  struct entry *entry = find_entry(store, key, now_ms);
  if (entry) {
    touch(store, entry);
    *value = entry->value;
    if (value->len > 0)
      buf_put(out, value->bytes, value->len);
    store->stats.hits++;
  } else {
    store->stats.misses++;
  }
  uv_mutex_unlock(&store->lock);
  if (entry && value->len > 0)
    value->bytes = out->data + start; /* the entry may be gone by now */
  return entry != NULL;
}

void store_set(struct store *store, struct store_key key,
               const struct store_value *value, uint64_t now_ms,
               uint64_t ttl_ms) {
  uv_mutex_lock(&store->lock);
  sweep(store, now_ms);
  struct entry *entry = find_entry(store, key, now_ms);
  if (entry)
    drop_entry(store, entry);
  insert(store, key, value, now_ms, ttl_ms);
  uv_mutex_unlock(&store->lock);
}

bool store_add(struct store *store, struct store_key key,
               const struct store_value *value, uint64_t now_ms,
               uint64_t ttl_ms) {
  uv_mutex_lock(&store->lock);
  sweep(store, now_ms);
  bool absent = !find_entry(store, key, now_ms);
  if (absent)
    insert(store, key, value, now_ms, ttl_ms);
  uv_mutex_unlock(&store->lock);
  return absent;
}

/* Under the lock: what `entry` holds, if it is there, makes way for `value`. */
static void overwrite(struct store *store, struct store_key key,
                      struct entry *entry, const struct store_value *value,
                      uint64_t now_ms, uint64_t ttl_ms) {
  uint64_t left_ms = 0;
  if (entry && entry->expires_ms)
    left_ms = entry->expires_ms - now_ms;
  if (entry)
    drop_entry(store, entry);
  if (value)
    insert(store, key, value, now_ms, ttl_ms ? ttl_ms : left_ms);
}

bool store_swap(struct store *store, struct store_key key, uint64_t version,
                const struct store_value *value, uint64_t now_ms,
                uint64_t ttl_ms) {
  uv_mutex_lock(&store->lock);
  sweep(store, now_ms);
  struct entry *entry = find_entry(store, key, now_ms);
  bool same = (entry ? entry->value.version : 0) == version;
  if (same)
    overwrite(store, key, entry, value, now_ms, ttl_ms);
  uv_mutex_unlock(&store->lock);
  return same;
}

static double as_double(const struct store_value *value) {
  return value->kind == STORE_FLOAT ? value->number : (double)value->integer;
}

static enum store_verdict sum_up(const struct store_value *a,
                                 const struct store_value *b,
                                 struct store_value *sum) {
  struct store_value result = {.kind = STORE_INTEGER};
  if (a->kind == STORE_BYTES || b->kind == STORE_BYTES)
    return STORE_NOT_A_NUMBER;
  if (a->kind == STORE_FLOAT || b->kind == STORE_FLOAT) {
    result.kind = STORE_FLOAT;
    result.number = as_double(a) + as_double(b);
  } else if (__builtin_add_overflow(a->integer, b->integer, &result.integer)) {
    return STORE_OVERFLOW;
  }
  *sum = result;
  return STORE_COUNTED;
}

enum store_verdict store_incr(struct store *store, struct store_key key,
                              const struct store_value *by, uint64_t now_ms,
                              uint64_t ttl_ms, struct store_value *sum) {
  enum store_verdict verdict = STORE_COUNTED;
  uv_mutex_lock(&store->lock);
  sweep(store, now_ms);
  struct entry *entry = find_entry(store, key, now_ms);
  if (entry) {
    verdict = sum_up(&entry->value, by, sum);
    if (verdict == STORE_COUNTED) {
      entry->value = *sum;
      entry->value.version = ++store->version;
    }
    touch(store, entry);
  } else {
    *sum = *by;
    insert(store, key, by, now_ms, ttl_ms);
  }
  uv_mutex_unlock(&store->lock);
  return verdict;
}

bool store_delete(struct store *store, struct store_key key, uint64_t now_ms) {
  uv_mutex_lock(&store->lock);
  struct entry *entry = find_entry(store, key, now_ms);
  if (entry)
    drop_entry(store, entry);
  uv_mutex_unlock(&store->lock);
  return entry != NULL;
}

static void put_key(struct buf *out, const struct entry *entry) {
  uint16_t len = (uint16_t)entry->hh.keylen;
  buf_put(out, &len, sizeof len);
  buf_put(out, entry->key, len);
}

static bool begins_with(const struct entry *entry, struct store_key prefix) {
  return entry->hh.keylen >= prefix.len &&
         memcmp(entry->key, prefix.bytes, prefix.len) == 0;
}

size_t store_keys(struct store *store, const struct store_search *search,
                  uint64_t now_ms, struct buf *out, bool *more) {
  size_t count = 0, looks = 0;
  *more = false;
  uv_mutex_lock(&store->lock);
  for (struct list *it = store->used.prev; it != &store->used; it = it->prev) {
    const struct entry *entry = container_of(it, struct entry, used);
    bool found =
        begins_with(entry, search->prefix) && !has_expired(entry, now_ms);
    *more = looks++ == search->looks || (found && count == search->max);
    if (*more)
      break;
    if (found) {
      put_key(out, entry);
      count++;
    }
  }
  uv_mutex_unlock(&store->lock);
  return count;
}

struct store_stats store_stats(struct store *store) {
  uv_mutex_lock(&store->lock);
  struct store_stats stats = store->stats;
  uv_mutex_unlock(&store->lock);
  return stats;
}
