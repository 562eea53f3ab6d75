/* SPDX-License-Identifier: MIT
 * What the clients of the generator say, and what they hear.
 *
 *   json      Perigee's messages
 *   session   the same, and each client asks for a session and acknowledges
 *   raw       the one-letter commands of bench/baseline.c, a server that reads
 *             no JSON; it sends what json's receivers get
 *   socketio  Engine.IO 4 and socket.io on its WebSocket transport alone, to
 *             bench/servers/socketio.mjs
 *
 * Users and rooms are numbers here. They count from 0; their names count from
 * 1, so that user 0 is "bench-1". */
#ifndef LOAD_DIALECT_H
#define LOAD_DIALECT_H

#include "base/buf.h"
#include "protocol/envelope.h"

#include <stdbool.h>
#include <stdint.h>

/* One message of a client. */
struct utterance {
  const char *type;       /* of an echo */
  uint64_t id;            /* asks for an answer; 0: none */
  unsigned from;          /* the user who sends it */
  unsigned to;            /* the room, or the user, who gets it */
  const struct buf *data; /* a JSON value */
};

/* The functions append one text message to `out`. */
struct dialect {
  const char *name;
  const char *path;   /* of the handshake, where the URL has none */
  bool speaks_second; /* the server's "hello" comes before auth */
  bool has_tokens;    /* auth wants one, else NULL */
  bool has_ids;       /* what has an id is answered */

  void (*put_auth)(struct buf *out, unsigned user, const char *token);
  void (*put_join)(struct buf *out, unsigned room);
  /* `received`: messages of the server, of those that sessions count. */
  void (*put_pong)(struct buf *out, uint64_t received);
  void (*put_echo)(struct buf *out, const struct utterance *said);
  void (*put_room)(struct buf *out, const struct utterance *said);
  void (*put_user)(struct buf *out, const struct utterance *said);

  /* Reads a text of the server. Its type is one of Perigee's ("auth_ok",
   * "reply", "ping", "error", …), or "hello". 0, or ERR_BAD_JSON and
   * ERR_BAD_REQUEST as of envelope_parse. */
  int (*hear)(const char *text, size_t len, struct envelope *out);
};

/* NULL if there is none of that name. */
const struct dialect *dialect_find(const char *name);

/* The first one, json. */
const struct dialect *dialect_default(void);

/* Appends the name of a user or room. */
void dialect_put_name(struct buf *out, unsigned number);

/* Appends a number of fixed width in hexadecimal digits. */
void dialect_put_hex(struct buf *out, uint64_t value, int digits);

#endif
