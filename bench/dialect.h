/* SPDX-License-Identifier: MIT
 * What the benchmark's clients say and hear: Perigee's JSON, the one-letter
 * commands of the baseline, or what socket.io makes of WebSocket. The first
 * two make the server deliver the same bytes; socket.io's frames carry the
 * same `data`, and no room.
 *
 * Functions that write a text write it to `out`, which has DIALECT_MAX bytes,
 * and return its length. `data` is a JSON value. */
#ifndef BENCH_DIALECT_H
#define BENCH_DIALECT_H

#include <stdbool.h>
#include <stddef.h>

enum { DIALECT_MAX = 16384 };

struct dialect {
  enum { DIALECT_JSON, DIALECT_RAW, DIALECT_SOCKETIO } kind;
  const char *secret; /* of the tokens, for HS256 */
};

/* What a text of the server means. */
enum heard {
  HEARD_OTHER,
  HEARD_HELLO, /* socket.io only: it wants to be greeted, by dialect_auth */
  HEARD_AUTHENTICATED,
  HEARD_JOINED,
  HEARD_PING, /* wants dialect_pong */
  HEARD_ERROR
};

/* Returns false if there is no dialect of that name. */
bool dialect_named(struct dialect *d, const char *name);

/* Of the handshake's request. */
const char *dialect_path(const struct dialect *d);

/* Whether the server speaks first, with HEARD_HELLO. */
bool dialect_server_first(const struct dialect *d);

/* Asked of a text that is no measured message. */
enum heard dialect_hear(const struct dialect *d, const char *text, size_t len);

size_t dialect_auth(const struct dialect *d, char *out, unsigned user);

size_t dialect_join(const struct dialect *d, char *out, unsigned room);

size_t dialect_pong(const struct dialect *d, char *out);

size_t dialect_echo(const struct dialect *d, char *out, const char *data);

size_t dialect_room(const struct dialect *d, char *out, unsigned room,
                    unsigned from, const char *data);

size_t dialect_user(const struct dialect *d, char *out, unsigned to,
                    unsigned from, const char *data);

#endif
