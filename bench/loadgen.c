/* SPDX-License-Identifier: MIT
 * Drives a server with many clients and measures what a message costs it.
 *
 *   loadgen --port=N --pid=N [--dialect=json|raw] [--secret=TEXT]
 *           [--scenario=echo|room|user|idle] [--clients=N] [--window=N]
 *           [--bytes=N] [--warmup=S] [--seconds=S]
 *   loadgen --free-port
 *
 * The main figure is the CPU time of the server's process per delivered
 * message: it does not depend on the machine's other work as much as rates
 * do. Kernel work on loopback, the receiver's half of TCP included, is charged
 * to the sending process and is the larger part of it.
 *
 * Closed loop: a message is sent when one before it has reached all of its
 * receivers, so that `window` are under way: per client with echo, in all with
 * the others. Of a room there is one publisher, who is not in it; with user,
 * random clients send to random ones; idle only measures memory.
 *
 * A measured message carries "#<slot><time>", both of fixed width; no other
 * message contains a '#'. One thread; sends block, receives do not. */
#include "dialect.h"
#include "ws.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  RX_BYTES = 1 << 20,
  EVENTS = 1024,
  OPENING = 64,        /* clients on their way in at the same time */
  PATIENCE_S = 15,     /* for the server to start, and for any answer */
  LATENCIES = 1 << 20, /* one counter per microsecond, the last for more */
  SLOT_CHARS = 8,
  TIME_CHARS = 16,
};

enum scenario { ECHO, ROOM, USER, IDLE };

static const char *const scenario_names[] = {"echo", "room", "user", "idle"};

enum state { NEW, UPGRADING, AUTHENTICATING, JOINING, READY };

struct client {
  int fd;
  unsigned index;
  enum state state;
  char *rest; /* the incomplete end of what was received */
  size_t rest_len;
};

static struct {
  int port;
  pid_t pid;
  struct dialect dialect;
  enum scenario scenario;
  unsigned clients, window, bytes;
  double warmup, seconds;
} opt = {.dialect = {.secret = ""},
         .clients = 100,
         .window = 1,
         .bytes = 100,
         .warmup = 0.5,
         .seconds = 2};

static int ep;
static struct client *clients;
static unsigned nclients, nready;
static unsigned *missing; /* by slot: receivers that have not got it yet */
static uint64_t delivered;
static uint32_t latency[LATENCIES];
static bool measuring;
static char rx[RX_BYTES];

__attribute__((noreturn, format(printf, 1, 2))) static void
fail(const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  fputs("loadgen: ", stderr);
  vfprintf(stderr, fmt, args);
  va_end(args);
  fputc('\n', stderr);
  exit(1);
}

static uint64_t clock_us(clockid_t clock) {
  struct timespec ts;
  if (clock_gettime(clock, &ts))
    fail("the server has ended");
  return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t now_us(void) {
  return clock_us(CLOCK_MONOTONIC);
}

static uint64_t cpu_us(void) {
  clockid_t clock;
  if (clock_getcpuclockid(opt.pid, &clock))
    fail("there is no process %d", (int)opt.pid);
  return clock_us(clock);
}

static long rss_bytes(void) {
  char path[64];
  long size, resident;
  snprintf(path, sizeof path, "/proc/%d/statm", (int)opt.pid);
  FILE *file = fopen(path, "r");
  if (!file || fscanf(file, "%ld %ld", &size, &resident) != 2)
    fail("cannot read %s", path);
  fclose(file);
  return resident * sysconf(_SC_PAGESIZE);
}

/* ---- sending ---- */

static void send_all(struct client *c, const char *bytes, size_t len) {
  while (len) {
    ssize_t n = send(c->fd, bytes, len, MSG_NOSIGNAL);
    if (n < 0)
      fail("client %u: send: %s", c->index, strerror(errno));
    bytes += n;
    len -= (size_t)n;
  }
}

static void send_text(struct client *c, const char *text, size_t len) {
  char frame[DIALECT_MAX + WS_HEADER];
  send_all(c, frame, ws_write(frame, WS_TEXT, text, len, true));
}

/* Sends the next message of a slot. With echo, a slot belongs to a client. */
static void send_measured(unsigned slot) {
  char text[DIALECT_MAX], data[DIALECT_MAX];
  int n = snprintf(data, sizeof data, "{\"k\":\"#%08x%016llx\",\"p\":\"", slot,
                   (unsigned long long)now_us());
  for (; n < (int)opt.bytes - 2; n++)
    data[n] = 'x';
  strcpy(data + n, "\"}");
  unsigned from = 0, to;
  size_t len = 0;
  missing[slot] = 1;
  switch (opt.scenario) {
  case ECHO:
    from = slot / opt.window;
    len = dialect_echo(&opt.dialect, text, data);
    break;
  case ROOM:
    from = opt.clients;
    missing[slot] = opt.clients;
    len = dialect_room(&opt.dialect, text, 0, from, data);
    break;
  case USER:
    from = (unsigned)random() % nclients;
    to = (unsigned)random() % nclients;
    len = dialect_user(&opt.dialect, text, to, from, data);
    break;
  case IDLE:
    return;
  }
  send_text(&clients[from], text, len);
}

/* ---- receiving ---- */

static void on_measured(const char *mark) {
  char slot_text[SLOT_CHARS + 1] = "", time_text[TIME_CHARS + 1] = "";
  memcpy(slot_text, mark, SLOT_CHARS);
  memcpy(time_text, mark + SLOT_CHARS, TIME_CHARS);
  unsigned slot = (unsigned)strtoul(slot_text, NULL, 16);
  uint64_t us = now_us() - strtoull(time_text, NULL, 16);
  delivered++;
  if (measuring)
    latency[us < LATENCIES ? us : LATENCIES - 1]++;
  if (--missing[slot] == 0)
    send_measured(slot);
}

static void become_ready(struct client *c) {
  c->state = READY;
  nready++;
}

static bool contains(const struct ws_frame *frame, const char *text) {
  return memmem(frame->payload, frame->len, text, strlen(text)) != NULL;
}

static void on_authenticated(struct client *c) {
  /* The publisher of a room is the last client, and stays outside. */
  bool joins =
      (opt.scenario == ROOM && c->index < opt.clients) || opt.scenario == IDLE;
  if (!joins) {
    become_ready(c);
    return;
  }
  char text[DIALECT_MAX];
  c->state = JOINING;
  unsigned room = opt.scenario == IDLE ? c->index / 10 : 0;
  send_text(c, text, dialect_join(&opt.dialect, text, room));
}

static void on_text(struct client *c, const struct ws_frame *frame) {
  const char *mark = memchr(frame->payload, '#', frame->len);
  if (mark && frame->payload + frame->len - mark > 1 + SLOT_CHARS + TIME_CHARS)
    on_measured(mark + 1);
  else if (c->state == AUTHENTICATING && contains(frame, "\"auth_ok\""))
    on_authenticated(c);
  else if (c->state == JOINING && contains(frame, "\"reply\""))
    become_ready(c);
  else if (contains(frame, "\"type\":\"ping\""))
    send_text(c, "{\"type\":\"pong\"}", 15);
  else if (contains(frame, "error\""))
    fail("client %u: the server answered %.*s", c->index, (int)frame->len,
         frame->payload);
}

static void on_frame(struct client *c, const struct ws_frame *frame) {
  char pong[128 + WS_HEADER];
  switch (frame->opcode) {
  case WS_TEXT:
    on_text(c, frame);
    break;
  case WS_PING: /* at most 125 bytes, by the protocol */
    send_all(c, pong,
             ws_write(pong, WS_PONG, frame->payload, frame->len & 0x7f, true));
    break;
  case WS_CLOSE:
    fail("client %u: the server closed with %.*s", c->index,
         frame->len > 2 ? (int)frame->len - 2 : 0, frame->payload + 2);
  default:
    break;
  }
}

/* Returns the size of the response, or 0 if it is not complete. */
static size_t upgrade(struct client *c, const char *p, size_t len) {
  char *end = memmem(p, len, "\r\n\r\n", 4);
  if (!end)
    return 0;
  if (len < 12 || memcmp(p + 9, "101", 3) != 0)
    fail("no WebSocket: %.*s", (int)len, p);
  char text[DIALECT_MAX];
  c->state = AUTHENTICATING;
  send_text(c, text, dialect_auth(&opt.dialect, text, c->index));
  return (size_t)(end + 4 - p);
}

static void receive(struct client *c) {
  size_t len = c->rest_len, used = 0;
  memcpy(rx, c->rest ? c->rest : "", len);
  ssize_t n = recv(c->fd, rx + len, sizeof rx - len, MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN)
    return;
  if (n <= 0)
    fail("client %u: connection lost", c->index);
  len += (size_t)n;
  if (c->state == UPGRADING)
    used = upgrade(c, rx, len);
  struct ws_frame frame;
  for (size_t size; c->state > UPGRADING; used += size) {
    size = ws_read(rx + used, len - used, &frame);
    if (!size)
      break;
    on_frame(c, &frame);
  }
  c->rest_len = len - used;
  if (c->rest_len) {
    c->rest = realloc(c->rest, c->rest_len);
    if (!c->rest)
      fail("no memory");
    memcpy(c->rest, rx + used, c->rest_len);
  }
}

/* Handles events until `end`; fails if there are none for too long. */
static void turn(uint64_t end) {
  struct epoll_event events[EVENTS];
  uint64_t now = now_us();
  int wait = end > now ? (int)((end - now) / 1000) + 1 : 0;
  int n = epoll_wait(ep, events, EVENTS,
                     wait < PATIENCE_S * 1000 ? wait : PATIENCE_S * 1000);
  for (int i = 0; i < n; i++)
    receive(events[i].data.ptr);
}

/* ---- connecting ---- */

static struct sockaddr_in address(int port) {
  return (struct sockaddr_in){.sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* The first connection waits until the server listens. */
static int connect_to_server(void) {
  struct sockaddr_in addr = address(opt.port);
  uint64_t end = now_us() + PATIENCE_S * 1000000ull;
  for (;;) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (fd < 0)
      fail("socket: %s", strerror(errno));
    if (!connect(fd, (struct sockaddr *)&addr, sizeof addr)) {
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      return fd;
    }
    if (errno != ECONNREFUSED || nclients || now_us() > end)
      fail("connect: %s", strerror(errno));
    close(fd);
    usleep(20000);
  }
}

static void open_client(void) {
  static const char request[] = "GET /ws HTTP/1.1\r\n"
                                "Host: 127.0.0.1\r\n"
                                "Upgrade: websocket\r\n"
                                "Connection: Upgrade\r\n"
                                "Sec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: "
                                "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  struct client *c = &clients[nclients];
  c->fd = connect_to_server();
  c->index = nclients++;
  c->state = UPGRADING;
  struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
  if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev))
    fail("epoll_ctl: %s", strerror(errno));
  send_all(c, request, sizeof request - 1);
}

static void open_clients(unsigned count) {
  uint64_t end = 0;
  clients = calloc(count, sizeof *clients);
  if (!clients)
    fail("no memory");
  for (unsigned last = 0; nready < count;) {
    while (nclients < count && nclients - nready < OPENING)
      open_client();
    if (nready != last || !end)
      end = now_us() + PATIENCE_S * 1000000ull;
    last = nready;
    turn(end);
    if (now_us() > end)
      fail("only %u of %u clients got in", nready, count);
  }
}

/* ---- measuring ---- */

static void work(double seconds) {
  uint64_t end = now_us() + (uint64_t)(seconds * 1e6);
  while (now_us() < end)
    turn(end);
}

static unsigned percentile(double part) {
  uint64_t sum = 0, seen = 0;
  for (unsigned i = 0; i < LATENCIES; i++)
    sum += latency[i];
  for (unsigned i = 0; i < LATENCIES; i++) {
    seen += latency[i];
    if ((double)seen >= part * (double)sum)
      return i;
  }
  return LATENCIES;
}

static void measure_messages(void) {
  unsigned slots = opt.window * (opt.scenario == ECHO ? opt.clients : 1);
  missing = calloc(slots, sizeof *missing);
  if (!missing)
    fail("no memory");
  for (unsigned slot = 0; slot < slots; slot++)
    send_measured(slot);
  work(opt.warmup);
  uint64_t cpu = cpu_us(), time = now_us(), before = delivered;
  measuring = true;
  work(opt.seconds);
  double count = (double)(delivered - before);
  double elapsed = (double)(now_us() - time);
  double used = (double)(cpu_us() - cpu);
  if (count == 0)
    fail("nothing was delivered");
  printf("cpu_us=%.3f rate=%.0f p50_us=%u p99_us=%u busy=%.2f\n", used / count,
         count / elapsed * 1e6, percentile(0.5), percentile(0.99),
         used / elapsed);
}

static void measure_memory(void) {
  long before = rss_bytes();
  open_clients(opt.clients);
  printf("rss_kib=%.2f\n", (double)(rss_bytes() - before) / 1024 / opt.clients);
}

/* ---- the command line ---- */

static int free_port(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in addr = address(0);
  socklen_t len = sizeof addr;
  if (bind(fd, (struct sockaddr *)&addr, len) ||
      getsockname(fd, (struct sockaddr *)&addr, &len))
    fail("no free port");
  close(fd);
  return ntohs(addr.sin_port);
}

static enum scenario scenario_of(const char *name) {
  for (int i = ECHO; i <= IDLE; i++)
    if (strcmp(name, scenario_names[i]) == 0)
      return (enum scenario)i;
  fail("unknown scenario %s", name);
}

static unsigned number(const char *text, unsigned max) {
  char *end;
  unsigned long value = strtoul(text, &end, 10);
  if (end == text || *end || value == 0 || value > max)
    fail("%s is not between 1 and %u", text, max);
  return (unsigned)value;
}

static void set_option(const char *arg) {
  const char *value = strchr(arg, '=');
  if (strncmp(arg, "--", 2) != 0 || !value)
    fail("what is %s?", arg);
  size_t len = (size_t)(value++ - arg) - 2;
#define IS(name) (len == sizeof name - 1 && !memcmp(arg + 2, name, len))
  if (IS("port"))
    opt.port = (int)number(value, 65535);
  else if (IS("pid"))
    opt.pid = (pid_t)number(value, 1u << 30);
  else if (IS("dialect"))
    opt.dialect.raw = strcmp(value, "raw") == 0;
  else if (IS("secret"))
    opt.dialect.secret = value;
  else if (IS("scenario"))
    opt.scenario = scenario_of(value);
  else if (IS("clients"))
    opt.clients = number(value, 100000);
  else if (IS("window"))
    opt.window = number(value, 100000);
  else if (IS("bytes"))
    opt.bytes = number(value, DIALECT_MAX / 2);
  else if (IS("warmup"))
    opt.warmup = strtod(value, NULL);
  else if (IS("seconds"))
    opt.seconds = strtod(value, NULL);
  else
    fail("unknown option %s", arg);
#undef IS
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--free-port") == 0) {
    printf("%d\n", free_port());
    return 0;
  }
  for (int i = 1; i < argc; i++)
    set_option(argv[i]);
  if (!opt.port || !opt.pid)
    fail("--port and --pid are needed");
  ep = epoll_create1(0);
  if (opt.scenario == IDLE) {
    measure_memory();
  } else {
    open_clients(opt.clients + (opt.scenario == ROOM));
    measure_messages();
  }
  return 0;
}
