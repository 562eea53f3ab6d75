/* SPDX-License-Identifier: MIT
 * A token checked against keys and a clock.
 *
 * Order of a check: form and size, the header (algorithm, key), the signature,
 * and only then the claims, so that nothing unsigned is believed.
 *
 * OpenSSL verifies the bytes as they came. libjwt, which signs for us, would
 * not do: Debian's release refuses any `typ` but JWT with RS and ES (RFC 9068
 * has `at+jwt`) and all integers beyond 63 bits, some releases compare HMACs
 * with strcmp (CVE-2024-25189), and it takes the algorithm from the token. */
#include "auth/jwt.h"

#include "auth/base64url.h"
#include "auth/members.h"
#include "auth/signing.h"
#include "base/err.h"
#include "base/mem.h"

#include <stdatomic.h>
#include <string.h>
#include <uv.h>

enum {
  KEY_ID_BYTES = 256,
  TRIES = 16, /* keys of the same name, or of a token that names none */
  HINT_EVERY_S = 60
};

/* What threads share and change. */
struct shared {
  uv_mutex_t lock; /* of the three that follow */
  struct signing *own;
  struct keyset *published; /* NULL: none yet */
  uint32_t awaited;         /* JWT_BIT of what `published` may be used for */
  atomic_bool any_good;     /* a signature was right */
  _Atomic int64_t hinted_s; /* when the last hint was looked for */
};

struct jwt_key {
  struct claim_rules rules; /* with texts of its own */
  size_t token_bytes;
  struct refill *refill; /* NULL: no keys are awaited */
  struct shared *shared; /* also where the key is const */
};

/* The parts of a token; they point into it. */
struct parts {
  const char *header, *payload, *signature;
  size_t header_len, payload_len, signature_len;
};

/* The keys at one moment, and what a token says about its own. */
struct look {
  struct signing *own;
  struct keyset *published;
  uint32_t awaited;
  enum jwt_algorithm algorithm;
  bool has_id;
  char id[KEY_ID_BYTES + 1];
};

/* ---- keys ----
 *
 * There are two sets of keys: those that were configured (`own`, with the key
 * that signs), and those of auth.jwks_url (`published`). Threads verify while
 * the main thread replaces either of them.
 *
 * A set is never changed once others see it. Replacing is an exchange of a
 * pointer under the lock; who verifies takes a reference to both sets under
 * the same lock (look_at_keys), verifies without it, and drops them
 * (look_away). So the lock is never held while OpenSSL computes, a token is
 * checked against one moment's keys from the first to the last, and an old set
 * is freed, and its secrets wiped, by whoever looked at it last.
 *
 * What must not be done: to read shared->own or shared->published without the
 * lock, to keep a sigkey beyond look_away, or to change rules: they are of the
 * jwt_key, which only a restart replaces. */

struct jwt_key *jwt_key_new(const struct jwt_rules *rules, struct buf *left_out,
                            struct buf *error) {
  struct signing *own = signing_new(rules, left_out, error);
  if (!own)
    return NULL;
  struct jwt_key *key = mem_alloc(sizeof *key);
  key->rules = rules->claims;
  key->rules.user_claim = mem_strdup(rules->claims.user_claim);
  key->rules.issuer = mem_strdup(rules->claims.issuer);
  key->rules.audience = mem_strdup(rules->claims.audience);
  key->token_bytes = rules->token_bytes;
  key->refill = rules->awaited ? refill_new() : NULL;
  key->shared = mem_alloc(sizeof *key->shared);
  key->shared->own = own;
  key->shared->awaited = rules->awaited;
  uv_mutex_init(&key->shared->lock);
  return key;
}

void jwt_key_free(struct jwt_key *key) {
  if (!key)
    return;
  signing_unref(key->shared->own);
  keyset_unref(key->shared->published);
  uv_mutex_destroy(&key->shared->lock);
  refill_free(key->refill);
  mem_free(key->shared);
  mem_free((char *)key->rules.user_claim);
  mem_free((char *)key->rules.issuer);
  mem_free((char *)key->rules.audience);
  mem_free(key);
}

void jwt_key_replace_take(struct jwt_key *key, struct jwt_key *other) {
  uv_mutex_lock(&key->shared->lock);
  struct signing *before = key->shared->own;
  key->shared->own = other->shared->own;
  other->shared->own = before;
  key->shared->awaited = other->shared->awaited;
  uv_mutex_unlock(&key->shared->lock);
  atomic_store(&key->shared->any_good, false);
  jwt_key_free(other);
}

void jwt_key_publish_take(struct jwt_key *key, struct keyset *set) {
  uv_mutex_lock(&key->shared->lock);
  struct keyset *before = key->shared->published;
  key->shared->published = set;
  uv_mutex_unlock(&key->shared->lock);
  keyset_unref(before);
}

static struct look look_at_keys(const struct jwt_key *key) {
  struct shared *shared = key->shared;
  struct look look = {0};
  uv_mutex_lock(&shared->lock);
  look.own = signing_ref(shared->own);
  look.awaited = shared->awaited;
  if (shared->published)
    look.published = keyset_ref(shared->published);
  uv_mutex_unlock(&shared->lock);
  return look;
}

static void look_away(struct look *look) {
  signing_unref(look->own);
  keyset_unref(look->published);
}

struct refill *jwt_key_refill(const struct jwt_key *key) {
  return key->refill;
}

size_t jwt_key_count(const struct jwt_key *key) {
  struct look look = look_at_keys(key);
  size_t count = keyset_count(look.own->set);
  if (look.published)
    count += keyset_count(look.published);
  look_away(&look);
  return count;
}

const char *jwt_user_claim(const struct jwt_key *key) {
  const char *name = key->rules.user_claim;
  return name && name[0] ? name : "sub";
}

/* ---- form ---- */

static bool split_token(const char *token, size_t len, struct parts *parts) {
  const char *end = token + len;
  const char *first = memchr(token, '.', len);
  if (!first)
    return false;
  const char *second = memchr(first + 1, '.', (size_t)(end - first - 1));
  if (!second || memchr(second + 1, '.', (size_t)(end - second - 1)))
    return false;
  *parts = (struct parts){.header = token,
                          .payload = first + 1,
                          .signature = second + 1,
                          .header_len = (size_t)(first - token),
                          .payload_len = (size_t)(second - first - 1),
                          .signature_len = (size_t)(end - second - 1)};
  return true;
}

enum { ALG, KID, CRIT, HEADER_WANTED };

/* Returns NULL, or why the header is refused. */
static const char *read_members(const struct member *members,
                                struct look *look) {
  char alg[16];
  int alg_len = member_text(&members[ALG], alg, sizeof alg);
  for (size_t i = 0; i < HEADER_WANTED; i++)
    if (members[i].seen > 1)
      return "a member of the header that is checked comes twice";
  if (alg_len < 0 ||
      !jwt_algorithm_find(alg, (size_t)alg_len, &look->algorithm))
    return "the algorithm is not one that signs";
  if (members[CRIT].seen)
    return "the header demands an extension"; /* RFC 7515, 4.1.11 */
  look->has_id = members[KID].seen > 0;
  if (!look->has_id)
    return NULL;
  int len = member_text(&members[KID], look->id, sizeof look->id);
  if (len < 0 || memchr(look->id, '\0', (size_t)len))
    return "the key id is no text, or too long";
  return NULL;
}

/* `room` has space for the decoded header. */
static const char *read_header(const struct parts *parts, struct look *look,
                               char *room) {
  struct member members[HEADER_WANTED] = {
      {.name = "alg"}, {.name = "kid"}, {.name = "crit"}};
  if (parts->header_len == SIGNING_HEADER_CHARS &&
      !memcmp(parts->header, look->own->header, SIGNING_HEADER_CHARS)) {
    look->algorithm = look->own->algorithm;
    return NULL;
  }
  int len =
      base64url_decode(parts->header, parts->header_len, (unsigned char *)room);
  if (len < 0 || !members_find(room, (size_t)len, members, HEADER_WANTED, NULL))
    return "the header is not base64 of a JSON object";
  return read_members(members, look);
}

/* ---- signature ---- */

/* Tries the keys of a set. Returns whether one verifies; `why` is of the last
 * one, and stays as it is when there is none. */
static bool one_matches(const struct keyset *set, const struct look *look,
                        const char *token, size_t len,
                        const unsigned char *signature, size_t signature_len,
                        const char **why) {
  size_t at = 0;
  const struct sigkey *key;
  for (int tries = 0; tries < TRIES; tries++) {
    key =
        keyset_next(set, &at, look->algorithm, look->has_id ? look->id : NULL);
    if (!key)
      return false;
    if (sigkey_verify(key, look->algorithm, token, len, signature,
                      signature_len, why))
      return true;
  }
  return false;
}

/* A set that was fetched under other rules stays until the next is here. */
static bool published_may_be_used(const struct look *look) {
  return look->published && look->awaited & JWT_BIT(look->algorithm);
}

/* Whether a key that is not here yet may have signed it. */
static bool may_come(const struct look *look) {
  if (!(look->awaited & JWT_BIT(look->algorithm)))
    return false;
  if (!look->published)
    return true;
  return look->has_id && !keyset_has_id(look->published, look->id) &&
         !keyset_has_id(look->own->set, look->id);
}

static const char *why_no_key(const struct look *look) {
  size_t at = 0;
  if (keyset_next(look->own->set, &at, look->algorithm, NULL))
    return "no key has its key id (kid)";
  at = 0;
  if (published_may_be_used(look) &&
      keyset_next(look->published, &at, look->algorithm, NULL))
    return "no key has its key id (kid)";
  return "the algorithm is not the configured one";
}

/* While nothing was right yet: is the secret meant in another way? Not for
 * each token: it takes a few hashes, and strangers send tokens. */
static const char *find_hint(const struct jwt_key *key, const struct look *look,
                             const char *token, size_t len,
                             const unsigned char *signature,
                             size_t signature_len, int64_t now) {
  struct shared *shared = key->shared;
  int64_t last = atomic_load(&shared->hinted_s);
  if (atomic_load(&shared->any_good) || now - last < HINT_EVERY_S ||
      !atomic_compare_exchange_strong(&shared->hinted_s, &last, now))
    return NULL;
  const char *hint = signing_hint(look->own, look->algorithm, token, len,
                                  signature, signature_len);
  if (!hint)
    atomic_store(&shared->hinted_s, now - HINT_EVERY_S + 5);
  return hint;
}

static int check_signature(const struct jwt_key *key, const char *token,
                           const struct parts *parts, const struct look *look,
                           int64_t now, struct jwt_claims *out) {
  unsigned char signature[SIGKEY_SIGNATURE_BYTES];
  size_t len = (size_t)(parts->signature - token) - 1;
  int n = -1;
  if (parts->signature_len <= sizeof signature)
    n = base64url_decode(parts->signature, parts->signature_len, signature);
  out->why = "the signature does not match";
  if (n < 0)
    return ERR_INVALID_TOKEN;
  out->why = why_no_key(look);
  bool ok = one_matches(look->own->set, look, token, len, signature, (size_t)n,
                        &out->why) ||
            (published_may_be_used(look) &&
             one_matches(look->published, look, token, len, signature,
                         (size_t)n, &out->why));
  if (ok) {
    if (!atomic_load_explicit(&key->shared->any_good, memory_order_relaxed))
      atomic_store(&key->shared->any_good, true);
    return 0;
  }
  out->unknown_key = may_come(look);
  if (jwt_is_hmac(look->algorithm))
    out->hint = find_hint(key, look, token, len, signature, (size_t)n, now);
  return ERR_INVALID_TOKEN;
}

/* ---- all of it ---- */

/* `room` has as many bytes as the token. */
static int verify_parts(const struct jwt_key *key, struct look *look,
                        const char *token, const struct parts *parts,
                        char *room, int64_t now, struct jwt_claims *out) {
  out->why = read_header(parts, look, room);
  if (out->why)
    return ERR_INVALID_TOKEN;
  int err = check_signature(key, token, parts, look, now, out);
  if (err)
    return err;
  int len = base64url_decode(parts->payload, parts->payload_len,
                             (unsigned char *)room);
  out->why = "the claims are not base64 of a JSON object";
  if (len < 0)
    return ERR_INVALID_TOKEN;
  return claims_check(&key->rules, room, (size_t)len, now, out);
}

int jwt_verify(const struct jwt_key *key, const char *token, size_t len,
               int64_t now, struct jwt_claims *out) {
  struct parts parts;
  *out = (struct jwt_claims){.why = "longer than auth.token_bytes"};
  if (len > key->token_bytes)
    return ERR_INVALID_TOKEN;
  out->why = "not three parts with dots between them";
  if (!split_token(token, len, &parts))
    return ERR_INVALID_TOKEN;
  char *room = mem_alloc_raw(len);
  struct look look = look_at_keys(key);
  int err = verify_parts(key, &look, token, &parts, room, now, out);
  look_away(&look);
  mem_free(room);
  return err;
}

int jwt_sign(const struct jwt_key *key, const char *claims_json, char **token) {
  struct look look = look_at_keys(key);
  int err = signing_sign(look.own, claims_json, token);
  look_away(&look);
  return err;
}
