/* SPDX-License-Identifier: MIT
 * Links to the console, and its sessions. */
#include "api/console_sessions.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

enum { RANDOM_BYTES = CONSOLE_SECRET_BYTES / 2 };

static bool hash_secret(struct slice secret,
                        unsigned char hash[API_KEY_HASH_BYTES]) {
  return secret.len == CONSOLE_SECRET_BYTES &&
         EVP_Digest(secret.at, secret.len, hash, NULL, EVP_sha256(), NULL) == 1;
}

static bool make_secret_text(char text[CONSOLE_SECRET_BYTES + 1],
                             unsigned char hash[API_KEY_HASH_BYTES]) {
  unsigned char bytes[RANDOM_BYTES];
  if (RAND_bytes(bytes, sizeof bytes) != 1)
    return false;
  for (size_t i = 0; i < sizeof bytes; i++)
    snprintf(text + 2 * i, 3, "%02x", bytes[i]);
  OPENSSL_cleanse(bytes, sizeof bytes);
  return hash_secret((struct slice){text, CONSOLE_SECRET_BYTES}, hash);
}

/* A free place, else the one whose time is over first. */
static struct console_session *find_session_place(struct console_session *list,
                                                  uint64_t now_ms) {
  struct console_session *place = &list[0];
  for (size_t i = 0; i < CONSOLE_SESSIONS_MAX; i++) {
    if (list[i].until_ms <= now_ms)
      return &list[i];
    if (list[i].until_ms < place->until_ms)
      place = &list[i];
  }
  return place;
}

static bool is_live(const struct console_session *session, uint64_t now_ms) {
  return session->until_ms > now_ms;
}

static bool same_hash(const unsigned char *a, const unsigned char *b) {
  return CRYPTO_memcmp(a, b, API_KEY_HASH_BYTES) == 0;
}

/* --- life --------------------------------------------------------------- */

void console_sessions_init(struct console_sessions *sessions) {
  *sessions = (struct console_sessions){0};
  uv_mutex_init(&sessions->lock);
}

void console_sessions_free(struct console_sessions *sessions) {
  uv_mutex_destroy(&sessions->lock);
}

/* --- links -------------------------------------------------------------- */

bool console_sessions_link(struct console_sessions *sessions,
                           const struct api_key *key, uint64_t now_ms,
                           char secret[CONSOLE_SECRET_BYTES + 1]) {
  struct console_session link = {.until_ms = now_ms + CONSOLE_LINK_MS,
                                 .key = *key};
  if (!make_secret_text(secret, link.page))
    return false;
  uv_mutex_lock(&sessions->lock);
  *find_session_place(sessions->links, now_ms) = link;
  uv_mutex_unlock(&sessions->lock);
  return true;
}

bool console_sessions_follow(struct console_sessions *sessions,
                             struct slice secret, uint64_t now_ms,
                             struct api_key *key) {
  unsigned char hash[API_KEY_HASH_BYTES];
  bool found = false;
  if (!hash_secret(secret, hash))
    return false;
  uv_mutex_lock(&sessions->lock);
  for (size_t i = 0; i < CONSOLE_SESSIONS_MAX; i++) {
    struct console_session *link = &sessions->links[i];
    if (!is_live(link, now_ms) || !same_hash(link->page, hash))
      continue;
    found = true;
    *key = link->key;
    *link = (struct console_session){0};
  }
  uv_mutex_unlock(&sessions->lock);
  return found;
}

/* --- sessions ----------------------------------------------------------- */

bool console_sessions_begin(struct console_sessions *sessions,
                            const struct api_key *key, uint64_t now_ms,
                            uint64_t length_ms,
                            char cookie[CONSOLE_SECRET_BYTES + 1],
                            char page[CONSOLE_SECRET_BYTES + 1]) {
  struct console_session session = {.until_ms = now_ms + length_ms,
                                    .key = *key};
  if (!make_secret_text(cookie, session.cookie) ||
      !make_secret_text(page, session.page))
    return false;
  uv_mutex_lock(&sessions->lock);
  *find_session_place(sessions->list, now_ms) = session;
  uv_mutex_unlock(&sessions->lock);
  return true;
}

bool console_sessions_find(struct console_sessions *sessions,
                           struct slice cookie, struct slice page,
                           uint64_t now_ms, struct api_key *key) {
  unsigned char of_cookie[API_KEY_HASH_BYTES], of_page[API_KEY_HASH_BYTES];
  bool found = false;
  if (!hash_secret(cookie, of_cookie) || !hash_secret(page, of_page))
    return false;
  uv_mutex_lock(&sessions->lock);
  for (size_t i = 0; i < CONSOLE_SESSIONS_MAX; i++) {
    const struct console_session *session = &sessions->list[i];
    if (!is_live(session, now_ms) || !same_hash(session->cookie, of_cookie) ||
        !same_hash(session->page, of_page))
      continue;
    found = true;
    *key = session->key;
  }
  uv_mutex_unlock(&sessions->lock);
  return found;
}

void console_sessions_end(struct console_sessions *sessions,
                          struct slice cookie) {
  unsigned char hash[API_KEY_HASH_BYTES];
  if (!hash_secret(cookie, hash))
    return;
  uv_mutex_lock(&sessions->lock);
  for (size_t i = 0; i < CONSOLE_SESSIONS_MAX; i++)
    if (same_hash(sessions->list[i].cookie, hash))
      sessions->list[i] = (struct console_session){0};
  uv_mutex_unlock(&sessions->lock);
}

/* --- other keys --------------------------------------------------------- */

static void review(struct console_session *session,
                   const struct api_keys *keys) {
  for (size_t i = 0; i < keys->count; i++) {
    const struct api_key *key = &keys->list[i];
    if (!same_hash(session->key.hash, key->hash) || !(key->groups & API_ADMIN))
      continue;
    session->key = *key; /* it may be allowed more now, or less */
    return;
  }
  *session = (struct console_session){0};
}

void console_sessions_review(struct console_sessions *sessions,
                             const struct api_keys *keys) {
  uv_mutex_lock(&sessions->lock);
  for (size_t i = 0; i < CONSOLE_SESSIONS_MAX; i++) {
    review(&sessions->links[i], keys);
    review(&sessions->list[i], keys);
  }
  uv_mutex_unlock(&sessions->lock);
}
