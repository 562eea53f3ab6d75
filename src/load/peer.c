/* SPDX-License-Identifier: MIT
 * A WebSocket client of the generator. */
#include "load/peer.h"

#include "base/err.h"
#include "base/log.h"
#include "load/framing.h"
#include "load/seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The key is the example of RFC 6455, 1.3, and so is the answer: nobody is to
 * be protected from a cache here, but the server has to know the rules. */
#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum {
  HEAD_BYTES = 16 * 1024, /* of the longest answer to the handshake */
  KEEP_BYTES = 64 * 1024, /* room that a buffer keeps */
  WHY_BYTES = 160
};

/* --- ending ------------------------------------------------------------- */

static void on_tcp_closed(uv_handle_t *handle) {
  struct peer *peer = handle->data;
  peer->state = PEER_IDLE;
  peer->peers->events->closed(peer);
}

void peer_close(struct peer *peer, bool reset) {
  if (peer->state == PEER_IDLE || peer->state == PEER_CLOSING)
    return;
  bool connected = peer->state > PEER_CONNECTING;
  peer->state = PEER_CLOSING;
  list_remove(&peer->dirty);
  buf_reset(&peer->out, KEEP_BYTES);
  buf_reset(&peer->wire, KEEP_BYTES);
  if (!reset || !connected || uv_tcp_close_reset(&peer->tcp, on_tcp_closed))
    uv_close((uv_handle_t *)&peer->tcp, on_tcp_closed);
}

static void lose(struct peer *peer, const char *why) {
  if (peer->state == PEER_IDLE || peer->state == PEER_CLOSING)
    return;
  peer_close(peer, false);
  peer->peers->events->lost(peer, why);
}

static void lose_uv(struct peer *peer, int err) {
  lose(peer, err == UV_EOF ? "hung up without a close" : uv_err_name(err));
}

/* --- writing ------------------------------------------------------------ */

/* Masks only have to differ: xorshift64. */
static uint32_t next_mask(struct peers *peers) {
  peers->random ^= peers->random << 13;
  peers->random ^= peers->random >> 7;
  peers->random ^= peers->random << 17;
  return (uint32_t)peers->random;
}

static void put_masked(struct peer *peer, enum framing_opcode opcode,
                       const char *data, size_t len) {
  struct peers *peers = peer->peers;
  if (peer->state != PEER_OPEN)
    return;
  framing_write(&peer->out, opcode, data, len, next_mask(peers));
  if (!list_linked(&peer->dirty))
    list_push(&peers->dirty, &peer->dirty);
}

void peer_send(struct peer *peer, const char *text, size_t len) {
  put_masked(peer, FRAMING_TEXT, text, len);
}

static void flush_peer(struct peer *peer);

static void on_tcp_written(uv_write_t *request, int status) {
  struct peer *peer = request->data;
  peer->is_writing = false;
  buf_reset(&peer->flying, KEEP_BYTES);
  if (status < 0)
    lose_uv(peer, status);
  else
    flush_peer(peer);
}

/* The rest goes to libuv, which waits for room in the socket. */
static void write_the_rest(struct peer *peer, struct buf *all, size_t written) {
  struct buf empty = peer->flying;
  peer->flying = *all;
  *all = empty;
  uv_buf_t rest = uv_buf_init(peer->flying.data + written,
                              (unsigned)(peer->flying.len - written));
  peer->writing.data = peer;
  int err = uv_write(&peer->writing, (uv_stream_t *)&peer->tcp, &rest, 1,
                     on_tcp_written);
  peer->is_writing = err == 0;
  if (err)
    lose_uv(peer, err);
}

static void flush_peer(struct peer *peer) {
  struct buf *out = peer->seal ? &peer->wire : &peer->out;
  if (peer->is_writing || peer->state == PEER_CLOSING)
    return;
  if (peer->seal)
    seal_close(peer->seal, &peer->out, &peer->wire);
  if (out->len == 0)
    return;
  uv_buf_t all = uv_buf_init(out->data, (unsigned)out->len);
  int n = uv_try_write((uv_stream_t *)&peer->tcp, &all, 1);
  if (n == UV_EAGAIN)
    n = 0;
  if (n < 0)
    lose_uv(peer, n);
  else if ((size_t)n < out->len)
    write_the_rest(peer, out, (size_t)n);
  else
    buf_reset(out, KEEP_BYTES);
}

void peers_flush(struct peers *peers) {
  struct list *node;
  while ((node = list_shift(&peers->dirty)))
    flush_peer(container_of(node, struct peer, dirty));
}

/* --- reading ------------------------------------------------------------ */

static void on_close_frame(struct peer *peer, const char *data, size_t len) {
  const unsigned char *code = (const unsigned char *)data;
  char why[WHY_BYTES] = "close without a code";
  if (len >= 2)
    snprintf(why, sizeof why, "close %d%s%.*s", code[0] << 8 | code[1],
             len > 2 ? " " : "", (int)(len - 2), data + 2);
  lose(peer, why);
}

/* A frame of a message of several; the bytes that are put together belong to
 * the peer. */
static void on_fragment(struct peer *peer, const struct framing_frame *frame) {
  struct buf *message = &peer->message;
  if (message->len + frame->len > PEER_MESSAGE_BYTES) {
    lose(peer, "a message too large for the generator");
    return;
  }
  buf_put(message, frame->payload, frame->len);
  if (!frame->last)
    return;
  peer->peers->events->text(peer, message->data, message->len);
  buf_reset(message, KEEP_BYTES);
}

/* Binary messages and pongs mean nothing to us. */
static void on_frame(struct peer *peer, const struct framing_frame *frame) {
  switch (frame->opcode) {
  case FRAMING_PING:
    put_masked(peer, FRAMING_PONG, frame->payload, frame->len);
    break;
  case FRAMING_CLOSE:
    on_close_frame(peer, frame->payload, frame->len);
    break;
  case FRAMING_TEXT:
    if (frame->last)
      peer->peers->events->text(peer, frame->payload, frame->len);
    else
      on_fragment(peer, frame);
    break;
  case FRAMING_CONTINUATION:
    on_fragment(peer, frame);
    break;
  default:
    break;
  }
}

/* Returns how many of the bytes were whole frames. */
static size_t take_frames(struct peer *peer, const char *bytes, size_t len) {
  struct framing_frame frame;
  size_t used = 0;
  while (peer->state == PEER_OPEN) {
    ssize_t size = framing_read(bytes + used, len - used, &frame);
    if (size < 0)
      lose(peer, "not the WebSocket protocol");
    else if (frame.len > PEER_MESSAGE_BYTES)
      lose(peer, "a message too large for the generator");
    if (size <= 0)
      break;
    on_frame(peer, &frame);
    used += (size_t)size;
  }
  return used;
}

/* The beginning of a frame waits in `in` for the rest of it. */
static void read_frames(struct peer *peer, const char *bytes, size_t len) {
  struct buf *in = &peer->in;
  if (in->len == 0) {
    size_t used = take_frames(peer, bytes, len);
    buf_put(in, bytes + used, len - used);
    return;
  }
  buf_put(in, bytes, len);
  size_t used = take_frames(peer, in->data, in->len);
  if (used == 0)
    return;
  in->len -= used;
  memmove(in->data, in->data + used, in->len);
  if (in->len == 0)
    buf_reset(in, KEEP_BYTES);
}

/* Looks at the head of the answer to the handshake, of `size` bytes. */
static void on_answer_head(struct peer *peer, const char *head, size_t size) {
  char why[WHY_BYTES] = "no HTTP";
  if (strncmp(head, "HTTP/1.1 101", 12) != 0) {
    if (strncmp(head, "HTTP/", 5) == 0)
      snprintf(why, sizeof why, "HTTP %.*s", (int)strcspn(head + 9, "\r\n"),
               head + 9);
    lose(peer, why);
  } else if (!memmem(head, size, ACCEPT, strlen(ACCEPT))) {
    lose(peer, "a wrong Sec-WebSocket-Accept");
  } else {
    peer->state = PEER_OPEN;
    peer->peers->events->open(peer);
  }
}

/* The answer to the handshake: what is behind its head are frames. Returns how
 * many of the bytes it took. */
static size_t read_answer_head(struct peer *peer, const char *bytes,
                               size_t len) {
  struct buf *in = &peer->in;
  buf_put(in, bytes, len);
  const char *end = memmem(in->data, in->len, "\r\n\r\n", 4);
  if (!end) {
    if (in->len > HEAD_BYTES)
      lose(peer, "an endless answer to the handshake");
    return len;
  }
  size_t size = (size_t)(end - in->data) + 4, behind = in->len - size;
  in->len = 0;
  on_answer_head(peer, in->data, size);
  return len - behind;
}

static void on_room_wanted(uv_handle_t *handle, size_t hint, uv_buf_t *buf) {
  struct peer *peer = handle->data;
  (void)hint;
  *buf = uv_buf_init(peer->peers->read, PEER_READ_BYTES);
}

static void feed_peer(struct peer *peer, const char *bytes, size_t len) {
  size_t used = 0;
  if (peer->state == PEER_UPGRADING)
    used = read_answer_head(peer, bytes, len);
  if (peer->state == PEER_OPEN && used < len)
    read_frames(peer, bytes + used, len - used);
}

static void unseal(struct peer *peer, const char *bytes, size_t len) {
  char *plain = peer->peers->plain;
  char why[WHY_BYTES];
  int n = 0;
  seal_receive(peer->seal, bytes, len);
  while (peer->state != PEER_CLOSING &&
         (n = seal_open(peer->seal, plain, PEER_READ_BYTES)) > 0)
    feed_peer(peer, plain, (size_t)n);
  if (n < 0) {
    snprintf(why, sizeof why, "TLS: %s", seal_why());
    lose(peer, why);
  }
  flush_peer(peer); /* the handshake, too, has something to say */
}

static void on_tcp_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct peer *peer = stream->data;
  if (n < 0) {
    lose_uv(peer, (int)n);
    return;
  }
  if (peer->seal)
    unseal(peer, buf->base, (size_t)n);
  else
    feed_peer(peer, buf->base, (size_t)n);
  peers_flush(peer->peers);
}

/* --- connecting --------------------------------------------------------- */

static void on_tcp_connected(uv_connect_t *request, int status) {
  struct peer *peer = request->data;
  struct buf *head = &peer->peers->request;
  if (peer->state == PEER_CLOSING)
    return;
  if (status == 0)
    status =
        uv_read_start((uv_stream_t *)&peer->tcp, on_room_wanted, on_tcp_read);
  if (status < 0) {
    lose_uv(peer, status);
    return;
  }
  peer->state = PEER_UPGRADING;
  uv_tcp_nodelay(&peer->tcp, 1);
  buf_put(&peer->out, head->data + peer->asked, head->len - peer->asked);
  flush_peer(peer);
}

/* On the loopback a connection is there at once, and libuv says so one turn
 * later: a server would accept, and wait for a request that could be there. */
static void ask_at_once(struct peer *peer) {
  const struct buf *head = &peer->peers->request;
  struct sockaddr_storage other;
  socklen_t size = sizeof other;
  uv_os_fd_t fd;
  if (peer->seal || uv_fileno((uv_handle_t *)&peer->tcp, &fd) ||
      getpeername(fd, (struct sockaddr *)&other, &size) < 0)
    return;
  ssize_t n = send(fd, head->data, head->len, MSG_DONTWAIT | MSG_NOSIGNAL);
  peer->asked = n > 0 ? (size_t)n : 0;
}

static int connect_tcp(struct peer *peer) {
  struct sockaddr *address = (struct sockaddr *)&peer->peers->address;
  int err =
      uv_tcp_connect(&peer->connecting, &peer->tcp, address, on_tcp_connected);
  if (!err)
    ask_at_once(peer);
  return err;
}

void peer_open(struct peer *peer) {
  struct peers *peers = peer->peers;
  peer->in.len = peer->message.len = peer->out.len = peer->wire.len = 0;
  peer->asked = 0;
  peer->state = PEER_CONNECTING;
  seal_free(peer->seal);
  peer->seal = peers->sealer ? seal_new(peers->sealer, peers->host) : NULL;
  uv_tcp_init(peers->loop, &peer->tcp);
  peer->tcp.data = peer->connecting.data = peer;
  int err = peers->sealer && !peer->seal ? UV_ENOMEM : connect_tcp(peer);
  if (err)
    lose_uv(peer, err);
}

void peer_init(struct peer *peer, struct peers *peers, unsigned index) {
  *peer = (struct peer){.index = index, .peers = peers};
  list_init(&peer->dirty);
}

void peer_free(struct peer *peer) {
  buf_free(&peer->in);
  buf_free(&peer->message);
  seal_free(peer->seal);
  buf_free(&peer->out);
  buf_free(&peer->wire);
  buf_free(&peer->flying);
}

/* --- all of them -------------------------------------------------------- */

int peers_init(struct peers *peers, uv_loop_t *loop,
               const struct target *target, struct buf *error) {
  const char *host = target->host;
  bool v6 = strchr(host, ':') != NULL;
  peers->loop = loop;
  peers->host = host;
  peers->random = uv_hrtime() | 1;
  list_init(&peers->dirty);
  if (target_resolve(target, &peers->address, error) < 0)
    return ERR_SYSTEM;
  if (target->tls && !(peers->sealer = sealer_new(error)))
    return ERR_SYSTEM;
  buf_printf(&peers->request,
             "GET %s HTTP/1.1\r\n"
             "Host: %s%s%s:%d\r\n"
             "Upgrade: websocket\r\n"
             "Connection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: " KEY "\r\n\r\n",
             target->path, v6 ? "[" : "", host, v6 ? "]" : "", target->port);
  return 0;
}

void peers_free(struct peers *peers) {
  sealer_free(peers->sealer);
  buf_free(&peers->request);
}
