/* SPDX-License-Identifier: MIT
 * A WebSocket client of the generator: connects, shakes hands, and exchanges
 * messages.
 *
 * A message that arrives in one piece, and nearly all do, is shown where it
 * was read: nothing is copied or allocated for it. What is sent in one turn
 * leaves in one write, when peers_flush is called. */
#ifndef LOAD_PEER_H
#define LOAD_PEER_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/list.h"
#include "load/target.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum peer_state {
  PEER_IDLE, /* never opened, or closed and free to be opened again */
  PEER_CONNECTING,
  PEER_UPGRADING,
  PEER_OPEN,
  PEER_CLOSING
};

enum { PEER_READ_BYTES = 256 * 1024, PEER_MESSAGE_BYTES = 64 * 1024 * 1024 };

struct peer {
  unsigned index;
  enum peer_state state;
  struct peers *peers;
  uv_tcp_t tcp;
  uv_connect_t connecting;
  uv_write_t writing;
  bool is_writing;
  size_t asked;       /* bytes of the handshake that are sent already */
  struct buf in;      /* the head of the answer; then a frame's beginning */
  struct buf message; /* the frames of a message that has several */
  struct buf out;     /* framed, not yet written */
  struct seal *seal;  /* NULL: no TLS */
  struct buf wire;    /* of TLS: sealed, not yet written */
  struct buf flying;  /* with libuv, until `writing` is done */
  struct list dirty;  /* in peers->dirty */
};

/* The functions may send, and close the peer that they are called for. */
struct peer_events {
  void (*open)(struct peer *peer);
  /* A text message; the bytes are good until it returns. */
  void (*text)(struct peer *peer, const char *text, size_t len);
  /* It is over; not called after peer_close. `why` is a short name: "close
   * 4002 slow_consumer", "HTTP 403", "ECONNRESET". */
  void (*lost)(struct peer *peer, const char *why);
  /* The socket is closed, after `lost` or peer_close: state PEER_IDLE. */
  void (*closed)(struct peer *peer);
};

/* What all peers share. */
struct peers {
  uv_loop_t *loop;
  const struct peer_events *events;
  void *arg; /* of the caller */
  struct sockaddr_storage address;
  struct buf request; /* the handshake */
  struct list dirty;  /* peers with something to write */
  uint64_t random;    /* state of the masks; never 0 */
  const char *host;
  struct sealer *sealer; /* NULL: no TLS */
  char read[PEER_READ_BYTES], plain[PEER_READ_BYTES];
};

/* Resolves the host and makes ready. 0; or ERR_SYSTEM with the reason in
 * `error`. */
MUST_CHECK int peers_init(struct peers *peers, uv_loop_t *loop,
                          const struct target *target, struct buf *error);

void peers_free(struct peers *peers);

/* Zeroes the peer and gives it its number. */
void peer_init(struct peer *peer, struct peers *peers, unsigned index);

/* Connects; the peer is PEER_IDLE. Ends in `open` or `lost`. */
void peer_open(struct peer *peer);

/* Frames a text. It is written by the next peers_flush. Nothing happens
 * unless the peer is PEER_OPEN. */
void peer_send(struct peer *peer, const char *text, size_t len);

/* Bytes that wait to be taken by the socket. */
static inline size_t peer_backlog(const struct peer *peer) {
  return peer->out.len + peer->wire.len + peer->flying.len;
}

/* Writes what was sent, to all peers. */
void peers_flush(struct peers *peers);

/* Hangs up; `reset` leaves no TIME_WAIT behind, which would use up the ports
 * of a machine that connects many times. Harmless when it is closing. */
void peer_close(struct peer *peer, bool reset);

/* Frees what the peer holds; it is PEER_IDLE. */
void peer_free(struct peer *peer);

#endif
