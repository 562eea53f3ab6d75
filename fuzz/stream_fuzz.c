/* SPDX-License-Identifier: MIT
 * Whatever comes over a socket, the worker is whole afterwards.
 *
 * A worker lives in this process, without its thread: the target turns its
 * loop. Each input is one client on a loopback socket. Its first byte says what
 * the server is sent before (enum before, in the two lowest bits), whether the
 * client ends with a FIN or a reset, speaks the protocol or raw mode, and
 * offers permessage-deflate; the second how the stream is cut into chunks,
 * between which the loop turns. The rest is the stream. A frame with a mask of
 * zeros is readable, so that the corpus is, too.
 *
 * What the server says must be frames, of JSON but in raw mode, and nothing
 * after a close frame. When the client has gone, nothing of it may be left, and
 * another one is served. */
#include "living.h"

#include "base/log.h"
#include "base/utf8.h"
#include "wire/json.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum before {
  NOTHING,   /* the stream begins with the request */
  HANDSHAKE, /* with the first frame */
  LOGIN,     /* with the first frame after auth */
  LINES,     /* the same, and each line is the text of one */
};

enum {
  BEFORE_MASK = 3,
  END_WITH_FIN = 4,
  IN_RAW_MODE = 8,
  OFFERS_DEFLATE = 64,
  CHUNKS_MAX = 64,    /* a turn of the loop takes its time */
  PATIENCE_MS = 5000, /* after which something hangs */
  TURNS_MAX = 200,
  QUIET_TURNS = 4, /* a message that waits is answered some turns later */
  OPCODE_CLOSE = 8,
};

/* The rest of a request whose path comes before. */
static const char handshake[] = " HTTP/1.1\r\nHost: fuzz\r\n"
                                "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                                "Sec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: "
                                "dGhlIHNhbXBsZSBub25jZQ==\r\n";
static const char offer[] = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

static struct worker worker;
static struct mailbox home; /* nobody opens what the worker writes */
static int listener;
static struct sockaddr_in address;
static struct buf login; /* the bytes of a frame */

struct peer {
  int fd;
  bool ended; /* the server has closed */
  struct buf got;
};

/* --- the server --------------------------------------------------------- */

static const struct config *new_config(void) {
  static char *flags[] = {
      "--config=/dev/null",
      "--auth.secret=0123456789abcdef0123456789abcdef",
      "--auth.header=true",
      "--auth.cookie=token",
      "--proxy.trusted=127.0.0.1",
      "--headers=x-own",
      "--origins=*",
      "--limits.handshakes_per_s=0",
      "--raw.path=/raw",
      "--deflate.enabled=true",
      "--deflate.threshold=0",
      "--limits.store_mb=1",
  };
  return living_config(flags, ARRAY_SIZE(flags));
}

/* Whether nothing of any client is left. */
static bool is_alone(void) {
  return worker.protocol.manager.alive == 0 &&
         !worker.edge.door.visitors.pending.addresses;
}

/* --- frames ------------------------------------------------------------- */

static void put_text_frame(struct buf *out, const void *text, size_t len) {
  require(len <= UINT16_MAX);
  buf_putc(out, (char)0x81);
  if (len > 125) {
    buf_putc(out, (char)(0x80 | 126));
    buf_putc(out, (char)(len >> 8));
    buf_putc(out, (char)len);
  } else {
    buf_putc(out, (char)(0x80 | len));
  }
  buf_put(out, "\0\0\0\0", 4);
  buf_put(out, text, len);
}

static void make_login(void) {
  struct buf text = {0};
  char *token;
  require(!jwt_sign(worker.protocol.host.key, "{\"sub\":\"fuzz\"}", &token));
  buf_printf(&text, "{\"type\":\"auth\",\"data\":{\"token\":\"%s\"}}", token);
  put_text_frame(&login, text.data, text.len);
  buf_free(&text);
  mem_free(token);
}

static void put_handshake(struct buf *out, int kind) {
  buf_puts(out, kind & IN_RAW_MODE ? "GET /raw" : "GET /ws");
  buf_puts(out, handshake);
  buf_puts(out, kind & OFFERS_DEFLATE ? offer : "");
  buf_puts(out, "\r\n");
}

static void check_frame(int opcode, const void *data, size_t len, bool is_raw) {
  enum { TEXT = 1, BINARY, CLOSE = 8, PING, PONG };
  require(opcode == TEXT || opcode == CLOSE || opcode == PONG ||
          (is_raw && (opcode == BINARY || opcode == PING)));
  if (opcode == TEXT && is_raw)
    require(utf8_valid(data, len));
  else if (opcode == TEXT)
    require(json_check(data, len, NULL) == 0);
}

/* Passes a frame of the server: whole and not masked. False when not all of it
 * is there. */
static bool pass_frame(const unsigned char **at, const unsigned char *end,
                       int kind, int *opcode) {
  const unsigned char *in = *at;
  size_t left = (size_t)(end - in), head = 2;
  if (left < head)
    return false;
  size_t len = in[1];
  bool compressed = in[0] & 0x40;
  require((in[0] & 0xb0) == 0x80 && len <= 127);
  require(!compressed || kind & OFFERS_DEFLATE);
  size_t wide = len < 126 ? 0 : len == 126 ? 2 : 8;
  if (left < head + wide)
    return false;
  for (size_t i = 0; i < wide; i++)
    len = (i ? len << 8 : 0) | in[head + i];
  head += wide;
  if (left - head < len)
    return false;
  *opcode = in[0] & 15;
  if (!compressed)
    check_frame(*opcode, in + head, len, kind & IN_RAW_MODE);
  *at = in + head + len;
  return true;
}

static void check_frames(const struct buf *got, int kind) {
  const char *head = memmem(got->data, got->len, "\r\n\r\n", 4);
  if (!head)
    return;
  require(memcmp(got->data, "HTTP/1.1 101 ", 13) == 0);
  const unsigned char *at = (const unsigned char *)head + 4;
  const unsigned char *end = (const unsigned char *)got->data + got->len;
  bool closed = false;
  int opcode;
  while (pass_frame(&at, end, kind, &opcode)) {
    require(!closed);
    closed = opcode == OPCODE_CLOSE;
  }
}

/* --- clients ------------------------------------------------------------ */

static struct peer connect_peer(void) {
  struct peer peer = {.fd = socket(AF_INET, SOCK_STREAM, 0)};
  require(!connect(peer.fd, (struct sockaddr *)&address, sizeof address));
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  require(fd >= 0);
  edge_adopt_take(&worker.edge, fd);
  return peer;
}

/* A turn of the loop, and what came of it. */
static void turn(struct peer *peer) {
  ssize_t n;
  uv_run(&worker.loop, UV_RUN_NOWAIT);
  do {
    enum { PIECE = 16384 };
    n = recv(peer->fd, buf_reserve(&peer->got, PIECE), PIECE, MSG_DONTWAIT);
    if (n > 0)
      peer->got.len += (size_t)n;
  } while (n > 0);
  peer->ended = peer->ended || n == 0 || (errno != EAGAIN && errno != EINTR);
}

/* Turns until nothing is said any more. */
static void settle(struct peer *peer) {
  int quiet = 0;
  for (int i = 0; i < TURNS_MAX && quiet < QUIET_TURNS && !peer->ended; i++) {
    size_t before = peer->got.len;
    turn(peer);
    quiet = peer->got.len == before ? quiet + 1 : 0;
  }
}

static void say(struct peer *peer, const void *bytes, size_t len) {
  const char *at = bytes, *end = at + len;
  while (at < end && !peer->ended) {
    ssize_t n =
        send(peer->fd, at, (size_t)(end - at), MSG_DONTWAIT | MSG_NOSIGNAL);
    at += n > 0 ? n : 0;
    turn(peer);
  }
}

/* Hangs up, and waits until the server has forgotten all of it. */
static void end(struct peer *peer, bool with_fin) {
  const struct linger reset = {.l_onoff = 1}; /* nothing stays in TIME_WAIT */
  uint64_t started_ms = uv_hrtime() / 1000000;
  if (with_fin) {
    shutdown(peer->fd, SHUT_WR);
    settle(peer);
  }
  setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close(peer->fd);
  while (!is_alone()) {
    uv_run(&worker.loop, UV_RUN_NOWAIT);
    require(uv_hrtime() / 1000000 - started_ms < PATIENCE_MS);
  }
  buf_free(&peer->got);
}

static bool has(const struct buf *got, const char *text) {
  return got->len && memmem(got->data, got->len, text, strlen(text));
}

/* Another client is served as if nothing had been. */
static void check_service(void) {
  static const char ask[] = "{\"type\":\"echo\",\"id\":7,\"data\":[5,{}]}";
  static const char answer[] = "{\"type\":\"reply\",\"id\":7,\"data\":[5,{}]}";
  struct peer peer = connect_peer();
  struct buf all = {0};
  uint64_t started_ms = uv_hrtime() / 1000000;
  put_handshake(&all, 0);
  buf_put(&all, login.data, login.len);
  put_text_frame(&all, ask, strlen(ask));
  say(&peer, all.data, all.len);
  while (!has(&peer.got, answer)) {
    turn(&peer);
    require(!peer.ended && uv_hrtime() / 1000000 - started_ms < PATIENCE_MS);
  }
  check_frames(&peer.got, 0);
  end(&peer, false);
  buf_free(&all);
}

/* --- an input ----------------------------------------------------------- */

static void put_lines(struct buf *out, const uint8_t *data, size_t size) {
  while (size > 0) {
    const uint8_t *newline = memchr(data, '\n', size);
    size_t len = newline ? (size_t)(newline - data) : size;
    put_text_frame(out, data, len < UINT16_MAX ? len : UINT16_MAX);
    data += len + (newline != NULL);
    size -= len + (newline != NULL);
  }
}

static void say_in_chunks(struct peer *peer, const struct buf *stream,
                          size_t chunk) {
  if (chunk == 0)
    chunk = stream->len;
  if (chunk < stream->len / CHUNKS_MAX)
    chunk = stream->len / CHUNKS_MAX;
  for (size_t at = 0; at < stream->len; at += chunk) {
    size_t left = stream->len - at;
    say(peer, stream->data + at, left < chunk ? left : chunk);
  }
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  living_add_flag(argc, argv);
  signal(SIGPIPE, SIG_IGN);
  log_setup(LOG_ERROR, LOG_TEXT);
  mailbox_init(&home, uv_default_loop(), NULL);
  living_start(&worker, &home, new_config(), false);
  listener = living_listen(&address);
  make_login();
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct buf stream = {0}, request = {0};
  if (size < 2)
    return 0;
  enum before before = data[0] & BEFORE_MASK;
  struct peer peer = connect_peer();
  put_handshake(&request, data[0]);
  if (before != NOTHING)
    say(&peer, request.data, request.len);
  if (before == LOGIN || before == LINES)
    say(&peer, login.data, login.len);
  if (before == LINES)
    put_lines(&stream, data + 2, size - 2);
  else
    buf_put(&stream, data + 2, size - 2);
  say_in_chunks(&peer, &stream, data[1]);
  settle(&peer);
  if (before != NOTHING)
    check_frames(&peer.got, data[0]);
  end(&peer, data[0] & END_WITH_FIN);
  check_service();
  buf_free(&request);
  buf_free(&stream);
  return 0;
}
