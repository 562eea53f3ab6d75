/* SPDX-License-Identifier: MIT
 * The keys that tokens are verified with at one moment. */
#include "auth/keyset.h"

#include "base/err.h"
#include "base/mem.h"

#include <openssl/evp.h>
#include <stdatomic.h>
#include <string.h>

struct keyset {
  atomic_uint refs;
  size_t count;
  struct sigkey *keys[KEYSET_KEYS];
};

struct keyset *keyset_new(void) {
  struct keyset *set = mem_alloc(sizeof *set);
  atomic_init(&set->refs, 1);
  return set;
}

struct keyset *keyset_ref(struct keyset *set) {
  atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
  return set;
}

void keyset_unref(struct keyset *set) {
  if (!set ||
      atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) > 1)
    return;
  for (size_t i = 0; i < set->count; i++)
    sigkey_free(set->keys[i]);
  mem_free(set);
}

size_t keyset_count(const struct keyset *set) {
  return set->count;
}

int keyset_add_take(struct keyset *set, struct sigkey *key) {
  if (set->count == KEYSET_KEYS) {
    sigkey_free(key);
    return ERR_FULL;
  }
  set->keys[set->count++] = key;
  return 0;
}

/* A key without an id may have signed any token, and a token without one may
 * be of any key. */
static bool may_be(const struct sigkey *key, enum jwt_algorithm algorithm,
                   const char *id) {
  const char *own = sigkey_id(key);
  return sigkey_algorithms(key) & JWT_BIT(algorithm) &&
         (!own || !id || strcmp(own, id) == 0);
}

const struct sigkey *keyset_next(const struct keyset *set, size_t *at,
                                 enum jwt_algorithm algorithm, const char *id) {
  while (*at < set->count) {
    const struct sigkey *key = set->keys[(*at)++];
    if (may_be(key, algorithm, id))
      return key;
  }
  return NULL;
}

bool keyset_has_id(const struct keyset *set, const char *id) {
  for (size_t i = 0; i < set->count; i++) {
    const char *own = sigkey_id(set->keys[i]);
    if (own && strcmp(own, id) == 0)
      return true;
  }
  return false;
}
