/* SPDX-License-Identifier: MIT
 * uthash, with a keyed hash and short chains. Nobody includes uthash itself.
 *
 * Strangers choose the names of users, rooms, store keys and rates. The hash of
 * uthash has no key: anybody can make ten thousand names that fall into one
 * bucket, and each look-up then walks over all of them. So the hash here is
 * SipHash-1-3 with a random key of the process. Who does not know the key
 * cannot tell which names meet.
 *
 * uthash adds buckets when one of them holds ten elements. With ten thousand
 * users a look-up then walks over three or four elements, and each is a miss of
 * the processor's cache. Here it adds them at six: a look-up walks over one or
 * two, and there are about as many buckets as elements. An even lower bound
 * would make many times as many buckets. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
  uint64_t k0, k1;
};

/* SipHash-1-3 of the bytes. */
uint64_t hash_siphash(const struct hash_key *key, const void *bytes,
                      size_t len);

/* The same with the key of this process, for uthash. */
uint32_t hash_bytes(const void *bytes, size_t len);

#define HASH_FUNCTION(bytes, len, value)                                       \
  do {                                                                         \
    (value) = hash_bytes((bytes), (len));                                      \
  } while (0)

/* A table that uthash takes for badly distributed would grow no more. With a
 * keyed hash it never is for long. */
#define uthash_noexpand_fyi(table) ((table)->noexpand = 0)

#include <uthash.h>

#undef HASH_BKT_CAPACITY_THRESH
#define HASH_BKT_CAPACITY_THRESH 6U

#endif
