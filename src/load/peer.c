/* SPDX-License-Identifier: MIT
 * A WebSocket client of the generator. */
#include "load/peer.h"

#include "base/err.h"
#include "base/log.h"
#include "load/seal.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wslay/wslay.h>

/* The key is the example of RFC 6455, 1.3, and so is the answer: nobody is to
 * be protected from a cache here, but the server has to know the rules. */
#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum {
  HEAD_BYTES = 16 * 1024, /* of the longest answer to the handshake */
  KEEP_BYTES = 64 * 1024, /* room that a buffer keeps */
  CONTROL_BYTES = 125,    /* of the longest control frame */
  WHY_BYTES = 160
};

/* --- ending ------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle) {
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
  if (!reset || !connected || uv_tcp_close_reset(&peer->tcp, on_closed))
    uv_close((uv_handle_t *)&peer->tcp, on_closed);
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

static ssize_t put_bytes(const uint8_t *data, size_t len, int flags,
                         void *arg) {
  struct peers *peers = arg;
  (void)flags;
  buf_put(&peers->sending->out, data, len);
  return (ssize_t)len;
}

/* Masks only have to differ: xorshift64. */
static int make_mask(uint8_t *mask, size_t len, void *arg) {
  struct peers *peers = arg;
  peers->random ^= peers->random << 13;
  peers->random ^= peers->random >> 7;
  peers->random ^= peers->random << 17;
  memcpy(mask, &peers->random, len);
  return 0;
}

static void put_frame(struct peer *peer, enum wslay_opcode opcode,
                      const char *data, size_t len) {
  struct peers *peers = peer->peers;
  struct wslay_frame_iocb frame = {.fin = 1,
                                   .opcode = (uint8_t)opcode,
                                   .payload_length = len,
                                   .mask = 1,
                                   .data = (const uint8_t *)data,
                                   .data_length = len};
  ssize_t n;
  if (peer->state != PEER_OPEN)
    return;
  peers->sending = peer;
  do { /* put_bytes takes everything: no step can fail */
    n = wslay_frame_send(peers->frames, &frame);
    frame.data += n;
    frame.data_length -= (size_t)n;
  } while (n > 0 && frame.data_length > 0);
  if (!list_linked(&peer->dirty))
    list_push(&peers->dirty, &peer->dirty);
}

void peer_send(struct peer *peer, const char *text, size_t len) {
  put_frame(peer, WSLAY_TEXT_FRAME, text, len);
}

static void flush(struct peer *peer);

static void on_written(uv_write_t *request, int status) {
  struct peer *peer = request->data;
  peer->is_writing = false;
  buf_reset(&peer->flying, KEEP_BYTES);
  if (status < 0)
    lose_uv(peer, status);
  else
    flush(peer);
}

/* The rest goes to libuv, which waits for room in the socket. */
static void write_later(struct peer *peer, struct buf *all, size_t written) {
  struct buf empty = peer->flying;
  peer->flying = *all;
  *all = empty;
  uv_buf_t rest = uv_buf_init(peer->flying.data + written,
                              (unsigned)(peer->flying.len - written));
  peer->writing.data = peer;
  int err =
      uv_write(&peer->writing, (uv_stream_t *)&peer->tcp, &rest, 1, on_written);
  peer->is_writing = err == 0;
  if (err)
    lose_uv(peer, err);
}

static void flush(struct peer *peer) {
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
    write_later(peer, out, (size_t)n);
  else
    buf_reset(out, KEEP_BYTES);
}

void peers_flush(struct peers *peers) {
  struct list *node;
  while ((node = list_shift(&peers->dirty)))
    flush(container_of(node, struct peer, dirty));
}

/* --- reading ------------------------------------------------------------ */

static ssize_t take_bytes(uint8_t *data, size_t len, int flags, void *arg) {
  struct peers *peers = ((struct peer *)arg)->peers;
  size_t left = (size_t)(peers->feed_end - peers->feed);
  (void)flags;
  if (left == 0)
    return -1; /* means: not now */
  len = len < left ? len : left;
  memcpy(data, peers->feed, len);
  peers->feed += len;
  return (ssize_t)len;
}

static void on_close_frame(struct peer *peer, const uint8_t *data, size_t len) {
  char why[WHY_BYTES] = "close without a code";
  if (len >= 2)
    snprintf(why, sizeof why, "close %d%s%.*s", data[0] << 8 | data[1],
             len > 2 ? " " : "", (int)(len - 2), (const char *)data + 2);
  lose(peer, why);
}

static void on_message(struct peer *peer, int opcode, const uint8_t *data,
                       size_t len) {
  switch (opcode) {
  case WSLAY_PING:
    put_frame(peer, WSLAY_PONG, (const char *)data, len);
    break;
  case WSLAY_CONNECTION_CLOSE:
    on_close_frame(peer, data, len);
    break;
  case WSLAY_TEXT_FRAME:
  case WSLAY_CONTINUATION_FRAME:
    peer->peers->events->text(peer, (const char *)data, len);
    break;
  default: /* binary messages and pongs mean nothing to us */
    break;
  }
}

/* A part of a frame. Frames in pieces and messages in frames are put
 * together; control frames may stand between the frames of a message. */
static void on_part(struct peer *peer, const struct wslay_frame_iocb *part) {
  bool control = wslay_is_ctrl_frame(part->opcode);
  struct buf *whole = control ? &peer->control : &peer->in;
  peer->seen += part->data_length;
  bool last = peer->seen == part->payload_length;
  if (last)
    peer->seen = 0;
  last = last && part->fin;
  if (last && whole->len == 0) {
    on_message(peer, part->opcode, part->data, part->data_length);
    return;
  }
  if (part->payload_length > (control ? CONTROL_BYTES : PEER_MESSAGE_BYTES) ||
      whole->len + part->data_length > PEER_MESSAGE_BYTES) {
    lose(peer, "a message too large for the generator");
    return;
  }
  buf_put(whole, part->data, part->data_length);
  if (last) {
    on_message(peer, part->opcode, (uint8_t *)whole->data, whole->len);
    buf_reset(whole, KEEP_BYTES);
  }
}

static void read_frames(struct peer *peer) {
  struct wslay_frame_iocb part;
  ssize_t n = 0;
  while (peer->state == PEER_OPEN &&
         (n = wslay_frame_recv(peer->frames, &part)) >= 0)
    on_part(peer, &part);
  if (n < 0 && n != WSLAY_ERR_WANT_READ)
    lose(peer, "not the WebSocket protocol");
}

static void become_open(struct peer *peer) {
  const struct wslay_frame_callbacks callbacks = {.recv_callback = take_bytes};
  wslay_frame_context_free(peer->frames);
  peer->frames = NULL;
  if (wslay_frame_context_init(&peer->frames, &callbacks, peer)) {
    lose(peer, "no memory");
    return;
  }
  peer->state = PEER_OPEN;
  peer->peers->events->open(peer);
}

/* The answer to the handshake: what is behind its head are frames. */
static void read_head(struct peer *peer) {
  struct peers *peers = peer->peers;
  char why[WHY_BYTES] = "no HTTP";
  size_t len = (size_t)(peers->feed_end - peers->feed);
  buf_put(&peer->in, peers->feed, len);
  const char *head = peer->in.data;
  const char *end = memmem(head, peer->in.len, "\r\n\r\n", 4);
  if (!end) {
    peers->feed = peers->feed_end;
    if (peer->in.len > HEAD_BYTES)
      lose(peer, "an endless answer to the handshake");
    return;
  }
  size_t size = (size_t)(end - head) + 4;
  peers->feed = peers->feed_end - (peer->in.len - size);
  if (strncmp(head, "HTTP/1.1 101", 12) != 0) {
    if (strncmp(head, "HTTP/", 5) == 0)
      snprintf(why, sizeof why, "HTTP %.*s", (int)strcspn(head + 9, "\r\n"),
               head + 9);
    lose(peer, why);
  } else if (!memmem(head, size, ACCEPT, strlen(ACCEPT))) {
    lose(peer, "a wrong Sec-WebSocket-Accept");
  } else {
    peer->in.len = 0;
    become_open(peer);
  }
}

static void on_room_wanted(uv_handle_t *handle, size_t hint, uv_buf_t *buf) {
  struct peer *peer = handle->data;
  (void)hint;
  *buf = uv_buf_init(peer->peers->read, PEER_READ_BYTES);
}

static void feed(struct peer *peer, const char *bytes, ssize_t n) {
  peer->peers->feed = bytes;
  peer->peers->feed_end = bytes + n;
  if (peer->state == PEER_UPGRADING && n > 0)
    read_head(peer);
  if (peer->state == PEER_OPEN)
    read_frames(peer);
}

static void unseal(struct peer *peer, const char *bytes, size_t len) {
  char *plain = peer->peers->plain;
  char why[WHY_BYTES];
  int n = 0;
  seal_receive(peer->seal, bytes, len);
  while (peer->state != PEER_CLOSING &&
         (n = seal_open(peer->seal, plain, PEER_READ_BYTES)) > 0)
    feed(peer, plain, n);
  if (n < 0) {
    snprintf(why, sizeof why, "TLS: %s", seal_why());
    lose(peer, why);
  }
  flush(peer); /* the handshake, too, has something to say */
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct peer *peer = stream->data;
  if (n < 0) {
    lose_uv(peer, (int)n);
    return;
  }
  if (peer->seal)
    unseal(peer, buf->base, (size_t)n);
  else
    feed(peer, buf->base, n);
  peers_flush(peer->peers);
}

/* --- connecting --------------------------------------------------------- */

static void on_connected(uv_connect_t *request, int status) {
  struct peer *peer = request->data;
  struct buf *head = &peer->peers->request;
  if (peer->state == PEER_CLOSING)
    return;
  if (status == 0)
    status = uv_read_start((uv_stream_t *)&peer->tcp, on_room_wanted, on_read);
  if (status < 0) {
    lose_uv(peer, status);
    return;
  }
  peer->state = PEER_UPGRADING;
  uv_tcp_nodelay(&peer->tcp, 1);
  buf_put(&peer->out, head->data, head->len);
  flush(peer);
}

static int connect_tcp(struct peer *peer) {
  return uv_tcp_connect(&peer->connecting, &peer->tcp,
                        (struct sockaddr *)&peer->peers->address, on_connected);
}

void peer_open(struct peer *peer) {
  struct peers *peers = peer->peers;
  peer->seen = 0;
  peer->in.len = peer->control.len = peer->out.len = peer->wire.len = 0;
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
  wslay_frame_context_free(peer->frames);
  buf_free(&peer->in);
  buf_free(&peer->control);
  seal_free(peer->seal);
  buf_free(&peer->out);
  buf_free(&peer->wire);
  buf_free(&peer->flying);
}

/* --- all of them -------------------------------------------------------- */

static bool answers(const struct addrinfo *address) {
  int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool ok = fd >= 0 && connect(fd, address->ai_addr, address->ai_addrlen) == 0;
  if (fd >= 0)
    close(fd);
  return ok;
}

/* Of several addresses the first that somebody listens on: `localhost` is
 * often ::1 first, and the server on 127.0.0.1 only. */
static int resolve(struct peers *peers, const char *host, int port,
                   struct buf *error) {
  const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
  struct addrinfo *found = NULL;
  char service[16];
  snprintf(service, sizeof service, "%d", port);
  int err = getaddrinfo(host, service, &hints, &found);
  if (err) {
    buf_printf(error, "%s: %s", host, gai_strerror(err));
    return ERR_SYSTEM;
  }
  const struct addrinfo *best = found;
  if (found->ai_next)
    for (const struct addrinfo *it = found; it; it = it->ai_next)
      if (answers(it)) {
        best = it;
        break;
      }
  memcpy(&peers->address, best->ai_addr, best->ai_addrlen);
  freeaddrinfo(found);
  return 0;
}

int peers_init(struct peers *peers, uv_loop_t *loop,
               const struct peer_target *target, struct buf *error) {
  const struct wslay_frame_callbacks callbacks = {
      .send_callback = put_bytes, .genmask_callback = make_mask};
  const char *host = target->host;
  bool v6 = strchr(host, ':') != NULL;
  peers->loop = loop;
  peers->host = host;
  peers->random = uv_hrtime() | 1;
  list_init(&peers->dirty);
  if (resolve(peers, host, target->port, error) < 0)
    return ERR_SYSTEM;
  if (target->tls && !(peers->sealer = sealer_new(error)))
    return ERR_SYSTEM;
  if (wslay_frame_context_init(&peers->frames, &callbacks, peers)) {
    buf_puts(error, "no memory");
    return ERR_SYSTEM;
  }
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
  if (peers->frames)
    wslay_frame_context_free(peers->frames);
  sealer_free(peers->sealer);
  buf_free(&peers->request);
}
