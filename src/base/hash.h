/* SPDX-License-Identifier: MIT
 * uthash, with a keyed hash and short chains. Nobody includes uthash itself.
 *
 * Names of users, rooms, store keys and rates are chosen by strangers. With
 * the hash that uthash brings anybody can make ten thousand names that fall
 * into one bucket, and each look-up then walks over all of them. So the hash
 * is SipHash-1-3 with a random key of the process: who does not know the key
 * cannot tell which names meet.
 *
 * As it comes a bucket may hold nine elements before there are more buckets:
 * with ten thousand users a look-up walks over three or four of them, each a
 * miss of the processor's cache. With five it is one or two, and there are
 * about as many buckets as elements; with fewer there would be many times
 * that. */
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
