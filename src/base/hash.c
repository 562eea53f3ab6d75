/* SPDX-License-Identifier: MIT
 * SipHash-1-3 and the key of the process. */
#include "base/hash.h"

#include "base/log.h"

#include <endian.h>
#include <string.h>
#include <sys/random.h>

/* Written once, before main. */
static struct hash_key process_key;

struct state {
  uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate_left(uint64_t value, unsigned bits) {
  return value << bits | value >> (64 - bits);
}

static inline void mix(struct state *s) {
  s->v0 += s->v1;
  s->v1 = rotate_left(s->v1, 13) ^ s->v0;
  s->v0 = rotate_left(s->v0, 32);
  s->v2 += s->v3;
  s->v3 = rotate_left(s->v3, 16) ^ s->v2;
  s->v0 += s->v3;
  s->v3 = rotate_left(s->v3, 21) ^ s->v0;
  s->v2 += s->v1;
  s->v1 = rotate_left(s->v1, 17) ^ s->v2;
  s->v2 = rotate_left(s->v2, 32);
}

static inline void take_word(struct state *s, uint64_t word) {
  s->v3 ^= word;
  mix(s);
  s->v0 ^= word;
}

uint64_t hash_siphash(const struct hash_key *key, const void *bytes,
                      size_t len) {
  const unsigned char *at = bytes;
  struct state s = {.v0 = key->k0 ^ UINT64_C(0x736f6d6570736575),
                    .v1 = key->k1 ^ UINT64_C(0x646f72616e646f6d),
                    .v2 = key->k0 ^ UINT64_C(0x6c7967656e657261),
                    .v3 = key->k1 ^ UINT64_C(0x7465646279746573)};
  uint64_t word, last = (uint64_t)len << 56;
  size_t left = len;
  for (; left >= sizeof word; left -= sizeof word, at += sizeof word) {
    memcpy(&word, at, sizeof word);
    take_word(&s, le64toh(word));
  }
  for (size_t i = 0; i < left; i++)
    last |= (uint64_t)at[i] << 8 * i;
  take_word(&s, last);
  s.v2 ^= 0xff;
  mix(&s);
  mix(&s);
  mix(&s);
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint32_t hash_bytes(const void *bytes, size_t len) {
  return (uint32_t)hash_siphash(&process_key, bytes, len);
}

/* Before main, so that no table can be made without a key. */
__attribute__((constructor)) static void make_process_key(void) {
  if (getrandom(&process_key, sizeof process_key, 0) == sizeof process_key)
    return;
  log_fatal("no random bytes for the key of hash tables");
}
