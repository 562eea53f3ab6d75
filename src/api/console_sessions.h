/* SPDX-License-Identifier: MIT
 * Who is in the console: one-time links, and sessions of browsers.
 *
 * Nothing of it can be guessed: all secrets are 32 random bytes, and only their
 * hashes are kept. A session has two: one is in a cookie, which no script of a
 * page can read; the other is with the page, and comes in a field. Browsers
 * send cookies to every port of a host, so what else runs on the operator's
 * machine may see the one, but not the other.
 *
 * Sessions are begun on the API's thread. Whether a request is one of theirs is
 * asked by the main thread, too: there is a lock. */
#ifndef API_CONSOLE_SESSIONS_H
#define API_CONSOLE_SESSIONS_H

#include "api/keys.h"
#include "base/attr.h"

#include <stdint.h>
#include <uv.h>

enum {
  CONSOLE_SECRET_BYTES = 64, /* in hexadecimal digits */
  CONSOLE_SESSIONS_MAX = 64, /* and as many links; past that the oldest go */
  CONSOLE_LINK_MS = 2 * 60 * 1000,
};

struct console_session {
  uint64_t until_ms; /* of any clock that runs on; 0: none is here */
  struct api_key key;
  unsigned char cookie[API_KEY_HASH_BYTES], page[API_KEY_HASH_BYTES];
};

struct console_sessions {
  uv_mutex_t lock;
  struct console_session links[CONSOLE_SESSIONS_MAX]; /* `page` is theirs */
  struct console_session list[CONSOLE_SESSIONS_MAX];
};

void console_sessions_init(struct console_sessions *sessions);
void console_sessions_free(struct console_sessions *sessions);

/* Makes a link for whoever has that key. False: there is no randomness. */
MUST_CHECK bool console_sessions_link(struct console_sessions *sessions,
                                      const struct api_key *key,
                                      uint64_t now_ms,
                                      char secret[CONSOLE_SECRET_BYTES + 1]);

/* Uses a link up. False: there is none, or it was used, or is too old. */
MUST_CHECK bool console_sessions_follow(struct console_sessions *sessions,
                                        struct slice secret, uint64_t now_ms,
                                        struct api_key *key);

/* Begins a session of that length. False: there is no randomness. */
MUST_CHECK bool console_sessions_begin(struct console_sessions *sessions,
                                       const struct api_key *key,
                                       uint64_t now_ms, uint64_t length_ms,
                                       char cookie[CONSOLE_SECRET_BYTES + 1],
                                       char page[CONSOLE_SECRET_BYTES + 1]);

/* Whether both secrets are those of a session: then its key is in `key`. By any
 * thread. */
MUST_CHECK bool console_sessions_find(struct console_sessions *sessions,
                                      struct slice cookie, struct slice page,
                                      uint64_t now_ms, struct api_key *key);

/* Ends the session with that cookie. */
void console_sessions_end(struct console_sessions *sessions,
                          struct slice cookie);

/* Other keys hold now: ends what was begun with one that is gone, or is no
 * longer for `admin`. */
void console_sessions_review(struct console_sessions *sessions,
                             const struct api_keys *keys);

#endif
