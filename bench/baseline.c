/* SPDX-License-Identifier: MIT
 * The least a WebSocket server can do: what Perigee is measured against.
 *
 *   baseline PORT [cork]
 *
 * One thread, bare epoll, no library, no JSON, no tokens, no checks. A message
 * is one letter and, but for echo, a number of eight hexadecimal digits; the
 * rest is what the receivers get, as it is (`perigee bench --dialect=raw`):
 *
 *   E text         back to the sender
 *   A number text  the sender is this user; text comes back
 *   J number text  the sender joins this room; text comes back
 *   P number text  to every member of the room
 *   U number text  to that user
 *
 * Each receiver costs one send() at once. With `cork`, frames wait until the
 * events of this turn are handled, and leave in one send() per connection. */
#include "ws.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_ID = 1 << 17, RX_BYTES = 1 << 18, EVENTS = 1024, KEY_CHARS = 24 };

struct conn {
  int fd;
  bool open;  /* the handshake is done */
  bool dirty; /* in dirty_conns */
  bool want_out;
  char *rest; /* the incomplete end of what was received */
  size_t rest_len;
  char *out; /* what waits for the socket or for the end of the turn */
  size_t out_len, out_cap;
};

struct room {
  struct conn **members;
  size_t len, cap;
};

static bool cork;
static int ep;
static struct conn *users[MAX_ID];
static struct room rooms[MAX_ID];
static struct conn **dirty_conns;
static size_t dirty_len, dirty_cap;
static char rx[RX_BYTES], tx[RX_BYTES + WS_HEADER];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void *grow(void *ptr, size_t size) {
  ptr = realloc(ptr, size);
  if (!ptr)
    fail("realloc");
  return ptr;
}

static void watch(struct conn *conn, bool out) {
  if (conn->want_out == out)
    return;
  conn->want_out = out;
  struct epoll_event ev = {.events = EPOLLIN | (out ? EPOLLOUT : 0),
                           .data.ptr = conn};
  epoll_ctl(ep, EPOLL_CTL_MOD, conn->fd, &ev);
}

/* Returns how much the socket took; a broken one is noticed when reading. */
static size_t put(struct conn *conn, const char *bytes, size_t len) {
  ssize_t n = send(conn->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
  return n < 0 ? 0 : (size_t)n;
}

static void keep(struct conn *conn, const char *bytes, size_t len) {
  if (conn->out_len + len > conn->out_cap) {
    conn->out_cap = (conn->out_len + len) * 2;
    conn->out = grow(conn->out, conn->out_cap);
  }
  memcpy(conn->out + conn->out_len, bytes, len);
  conn->out_len += len;
}

static void flush(struct conn *conn) {
  size_t n = put(conn, conn->out, conn->out_len);
  conn->out_len -= n;
  memmove(conn->out, conn->out + n, conn->out_len);
  watch(conn, conn->out_len > 0);
}

static void mark_dirty(struct conn *conn) {
  if (conn->dirty)
    return;
  conn->dirty = true;
  if (dirty_len == dirty_cap) {
    dirty_cap = dirty_cap ? dirty_cap * 2 : 64;
    dirty_conns = grow(dirty_conns, dirty_cap * sizeof *dirty_conns);
  }
  dirty_conns[dirty_len++] = conn;
}

static void flush_dirty(void) {
  for (size_t i = 0; i < dirty_len; i++) {
    dirty_conns[i]->dirty = false;
    flush(dirty_conns[i]);
  }
  dirty_len = 0;
}

static void deliver(struct conn *conn, const char *frame, size_t len) {
  if (cork) {
    keep(conn, frame, len);
    mark_dirty(conn);
    return;
  }
  size_t n = conn->out_len ? 0 : put(conn, frame, len);
  if (n < len) {
    keep(conn, frame + n, len - n);
    watch(conn, true);
  }
}

static void join(struct room *room, struct conn *conn) {
  if (room->len == room->cap) {
    room->cap = room->cap ? room->cap * 2 : 8;
    room->members = grow(room->members, room->cap * sizeof *room->members);
  }
  room->members[room->len++] = conn;
}

static void handle(struct conn *conn, const char *text, size_t len) {
  size_t skip = text[0] == 'E' ? 1 : 9;
  size_t id = 0;
  if (len < skip)
    return;
  for (size_t i = 1; i < skip; i++)
    id =
        id << 4 | (size_t)(text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10);
  if (id >= MAX_ID)
    return;
  size_t size = ws_write(tx, text + skip, len - skip);
  switch (text[0]) {
  case 'A':
    users[id] = conn;
    break;
  case 'J':
    join(&rooms[id], conn);
    break;
  case 'P':
    for (size_t i = 0; i < rooms[id].len; i++)
      deliver(rooms[id].members[i], tx, size);
    return;
  case 'U':
    conn = users[id];
    break;
  default:
    break;
  }
  if (conn)
    deliver(conn, tx, size);
}

/* Returns the size of the request, or 0 if it is not complete. */
static size_t handshake(struct conn *conn, char *p, size_t len) {
  static const char name[] = "Sec-WebSocket-Key: ";
  static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  char *end = memmem(p, len, "\r\n\r\n", 4);
  char *key = memmem(p, len, name, sizeof name - 1);
  if (!end || !key)
    return 0;
  char text[KEY_CHARS + sizeof guid];
  memcpy(text, key + sizeof name - 1, KEY_CHARS);
  memcpy(text + KEY_CHARS, guid, sizeof guid);
  unsigned char hash[SHA_DIGEST_LENGTH], accept[32];
  SHA1((unsigned char *)text, KEY_CHARS + sizeof guid - 1, hash);
  EVP_EncodeBlock(accept, hash, sizeof hash);
  int n = snprintf(tx, sizeof tx,
                   "HTTP/1.1 101 Switching Protocols\r\n"
                   "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Accept: %s\r\n\r\n",
                   accept);
  deliver(conn, tx, (size_t)n);
  conn->open = true;
  return (size_t)(end + 4 - p);
}

/* A benchmark's clients leave together, at the end: the connection is only
 * taken from epoll, so that rooms and lists may go on naming it. */
static void hang_up(struct conn *conn) {
  epoll_ctl(ep, EPOLL_CTL_DEL, conn->fd, NULL);
  shutdown(conn->fd, SHUT_RDWR);
}

static void receive(struct conn *conn) {
  size_t len = conn->rest_len, used = 0;
  memcpy(rx, conn->rest ? conn->rest : "", len);
  ssize_t n = recv(conn->fd, rx + len, sizeof rx - len, MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN)
    return;
  if (n <= 0) {
    hang_up(conn);
    return;
  }
  len += (size_t)n;
  if (!conn->open)
    used = handshake(conn, rx, len);
  struct ws_frame frame;
  for (size_t size; conn->open; used += size) {
    size = ws_read(rx + used, len - used, &frame);
    if (!size)
      break;
    if (frame.opcode == WS_TEXT && frame.len)
      handle(conn, frame.payload, frame.len);
  }
  conn->rest_len = len - used;
  if (conn->rest_len) {
    conn->rest = grow(conn->rest, conn->rest_len);
    memcpy(conn->rest, rx + used, conn->rest_len);
  }
}

static void accept_all(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0)
      return;
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct conn *conn = calloc(1, sizeof *conn);
    if (!conn)
      fail("calloc");
    conn->fd = fd;
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = conn};
    if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev))
      fail("epoll_ctl");
  }
}

static int listen_on(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
  struct sockaddr_in addr = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (struct sockaddr *)&addr, sizeof addr) || listen(fd, 4096))
    fail("listen");
  struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
  return fd;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fputs("usage: baseline PORT [cork]\n", stderr);
    return 2;
  }
  cork = argc > 2 && strcmp(argv[2], "cork") == 0;
  ep = epoll_create1(0);
  int listener = listen_on(atoi(argv[1]));
  struct epoll_event events[EVENTS];
  for (;;) {
    int n = epoll_wait(ep, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
      struct conn *conn = events[i].data.ptr;
      if (!conn)
        accept_all(listener);
      else if (events[i].events & EPOLLOUT)
        flush(conn);
      else
        receive(conn);
    }
    flush_dirty();
  }
}
