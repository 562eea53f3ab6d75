/* SPDX-License-Identifier: MIT
 * Drives a server with many clients and measures what a message costs it.
 *
 *   loadgen --port=N --pid=N [--dialect=json|raw|socketio] [--secret=TEXT]
 *           [--scenario=echo|room|rooms|user|idle|storm] [--clients=N]
 *           [--window=N | --rate=N] [--active=N] [--bytes=N] [--warmup=S]
 *           [--seconds=S]
 *   loadgen --free-port
 *
 * The main figure is the CPU time of the server's process per delivered
 * message: it does not depend on the machine's other work as much as rates
 * do. Kernel work on loopback, the receiver's half of TCP included, is charged
 * to the sending process and is the larger part of it.
 *
 * Closed loop: a message is sent when one before it has reached all of its
 * receivers, so that `window` are under way: per client with echo, in all with
 * the others. With a rate the loop is open: so many messages a second in all,
 * for comparing two servers under the same load.
 *
 * Of a room there is one publisher, who is not in it; with rooms, of ten
 * members each, random clients send to their own; with user, random clients
 * send to random ones. Of these only the first `active` talk, if there are
 * more; the rest is just there. idle measures the memory of clients that are in
 * rooms and silent, storm the CPU time of a connect, from the handshake to the
 * accepted token, when all come at once. Both first let a tenth more clients
 * in, which are not counted: a server that has just started grows its tables,
 * and compiles what it runs, with the first ones.
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
  ROOM_SIZE = 10,      /* of rooms, and of idle */
  PATIENCE_S = 15,     /* for the server to start, and for any answer */
  LATENCIES = 1 << 20, /* one counter per microsecond, the last for more */
  SLOT_CHARS = 8,
  TIME_CHARS = 16,
};

enum scenario { ECHO, ROOM, ROOMS, USER, IDLE, STORM };

static const char *const scenario_names[] = {"echo", "room", "rooms",
                                             "user", "idle", "storm"};

enum state { NEW, UPGRADING, AUTHENTICATING, JOINING, READY };

struct client {
  int fd;
  unsigned index;
  enum state state;
  uint64_t opened_us;
  char *rest; /* the incomplete end of what was received */
  size_t rest_len;
};

static struct {
  int port;
  pid_t pid;
  struct dialect dialect;
  enum scenario scenario;
  unsigned clients, window, bytes;
  unsigned active; /* of rooms, and of user; 0: all */
  unsigned rate;   /* messages a second; 0: closed loop */
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
static unsigned nslots;
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

static void note_latency(uint64_t since) {
  uint64_t us = now_us() - since;
  if (measuring)
    latency[us < LATENCIES ? us : LATENCIES - 1]++;
}

static void send_text(struct client *c, const char *text, size_t len) {
  char frame[DIALECT_MAX + WS_HEADER];
  send_all(c, frame, ws_write(frame, WS_TEXT, text, len, true));
}

/* The last one may not be full. */
static unsigned room_members(unsigned room) {
  unsigned rest = nclients - room * ROOM_SIZE;
  return rest < ROOM_SIZE ? rest : ROOM_SIZE;
}

static unsigned any_active(void) {
  bool some = opt.active && opt.active < nclients;
  return (unsigned)random() % (some ? opt.active : nclients);
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
  case ROOMS:
    from = any_active();
    missing[slot] = room_members(from / ROOM_SIZE);
    len = dialect_room(&opt.dialect, text, from / ROOM_SIZE, from, data);
    break;
  case USER:
    from = any_active();
    to = any_active();
    len = dialect_user(&opt.dialect, text, to, from, data);
    break;
  case IDLE:
  case STORM:
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
  note_latency(strtoull(time_text, NULL, 16));
  delivered++;
  if (--missing[slot] == 0 && !opt.rate)
    send_measured(slot);
}

static void become_ready(struct client *c) {
  c->state = READY;
  nready++;
}

static void authenticate(struct client *c) {
  char text[DIALECT_MAX];
  c->state = AUTHENTICATING;
  send_text(c, text, dialect_auth(&opt.dialect, text, c->index));
}

static void on_authenticated(struct client *c) {
  /* The publisher of a room is the last client, and stays outside. */
  bool one_room = opt.scenario == ROOM && c->index < opt.clients;
  note_latency(c->opened_us);
  if (!one_room && opt.scenario != ROOMS && opt.scenario != IDLE) {
    become_ready(c);
    return;
  }
  char text[DIALECT_MAX];
  c->state = JOINING;
  unsigned room = one_room ? 0 : c->index / ROOM_SIZE;
  send_text(c, text, dialect_join(&opt.dialect, text, room));
}

static void on_answer(struct client *c, const struct ws_frame *frame) {
  char text[DIALECT_MAX];
  switch (dialect_hear(&opt.dialect, frame->payload, frame->len)) {
  case HEARD_HELLO:
    authenticate(c);
    break;
  case HEARD_AUTHENTICATED:
    if (c->state == AUTHENTICATING)
      on_authenticated(c);
    break;
  case HEARD_JOINED:
    if (c->state == JOINING)
      become_ready(c);
    break;
  case HEARD_PING:
    send_text(c, text, dialect_pong(&opt.dialect, text));
    break;
  case HEARD_ERROR:
    fail("client %u: the server answered %.*s", c->index, (int)frame->len,
         frame->payload);
  case HEARD_OTHER:
    break;
  }
}

static void on_text(struct client *c, const struct ws_frame *frame) {
  const char *mark = memchr(frame->payload, '#', frame->len);
  if (mark && frame->payload + frame->len - mark > 1 + SLOT_CHARS + TIME_CHARS)
    on_measured(mark + 1);
  else
    on_answer(c, frame);
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
  if (dialect_server_first(&opt.dialect))
    c->state = AUTHENTICATING;
  else
    authenticate(c);
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
  char request[512];
  int len = snprintf(request, sizeof request,
                     "GET %s HTTP/1.1\r\n"
                     "Host: 127.0.0.1\r\n"
                     "Upgrade: websocket\r\n"
                     "Connection: Upgrade\r\n"
                     "Sec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                     dialect_path(&opt.dialect));
  struct client *c = &clients[nclients];
  c->opened_us = now_us();
  c->fd = connect_to_server();
  c->index = nclients++;
  c->state = UPGRADING;
  struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
  if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev))
    fail("epoll_ctl: %s", strerror(errno));
  send_all(c, request, (size_t)len);
}

/* Opens more of them until there are `count`, and all are in. */
static void open_clients(unsigned count) {
  uint64_t end = now_us() + PATIENCE_S * 1000000ull;
  for (unsigned last = nready; nready < count;) {
    while (nclients < count && nclients - nready < OPENING)
      open_client();
    if (nready != last)
      end = now_us() + PATIENCE_S * 1000000ull;
    last = nready;
    turn(end);
    if (now_us() > end)
      fail("only %u of %u clients got in", nready, count);
  }
}

/* ---- measuring ---- */

/* Sends what is due at the rate, and returns when the next one will be. */
static uint64_t send_due(void) {
  static uint64_t start, sent;
  if (!start)
    start = now_us();
  for (;; sent++) {
    uint64_t due = start + sent * 1000000 / opt.rate;
    if (due > now_us())
      return due;
    send_measured((unsigned)(sent % nslots));
  }
}

static void work(double seconds) {
  uint64_t end = now_us() + (uint64_t)(seconds * 1e6);
  while (now_us() < end) {
    uint64_t due = opt.rate ? send_due() : end;
    turn(due < end ? due : end);
  }
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

/* What was used since: the line that bench/run reads. */
static void print_costs(uint64_t cpu, uint64_t time, uint64_t count) {
  double used = (double)(cpu_us() - cpu);
  double elapsed = (double)(now_us() - time), n = (double)count;
  printf("cpu_us=%.3f rate=%.0f p50_us=%u p99_us=%u busy=%.2f\n", used / n,
         n / elapsed * 1e6, percentile(0.5), percentile(0.99), used / elapsed);
}

static void measure_messages(void) {
  open_clients(opt.clients + (opt.scenario == ROOM));
  nslots = opt.window * (opt.scenario == ECHO ? opt.clients : 1);
  missing = calloc(nslots, sizeof *missing);
  if (!missing)
    fail("no memory");
  for (unsigned slot = 0; slot < nslots && !opt.rate; slot++)
    send_measured(slot);
  work(opt.warmup);
  uint64_t cpu = cpu_us(), time = now_us(), before = delivered;
  measuring = true;
  work(opt.seconds);
  if (delivered == before)
    fail("nothing was delivered");
  print_costs(cpu, time, delivered - before);
}

static void measure_memory(void) {
  open_clients(opt.clients / 10 + 1);
  long before = rss_bytes();
  open_clients(nclients + opt.clients);
  printf("rss_kib=%.2f\n", (double)(rss_bytes() - before) / 1024 / opt.clients);
}

static void measure_connects(void) {
  open_clients(opt.clients / 10 + 1);
  uint64_t cpu = cpu_us(), time = now_us();
  measuring = true;
  open_clients(nclients + opt.clients);
  print_costs(cpu, time, opt.clients);
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
  for (int i = ECHO; i <= STORM; i++)
    if (strcmp(name, scenario_names[i]) == 0)
      return (enum scenario)i;
  fail("unknown scenario %s", name);
}

static void set_dialect(const char *name) {
  if (!dialect_named(&opt.dialect, name))
    fail("unknown dialect %s", name);
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
    set_dialect(value);
  else if (IS("secret"))
    opt.dialect.secret = value;
  else if (IS("scenario"))
    opt.scenario = scenario_of(value);
  else if (IS("clients"))
    opt.clients = number(value, 100000);
  else if (IS("window"))
    opt.window = number(value, 100000);
  else if (IS("active"))
    opt.active = number(value, 100000);
  else if (IS("rate"))
    opt.rate = number(value, 10000000);
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
  clients = calloc(2 * opt.clients + 1, sizeof *clients);
  if (!clients)
    fail("no memory");
  if (opt.scenario == IDLE)
    measure_memory();
  else if (opt.scenario == STORM)
    measure_connects();
  else
    measure_messages();
  return 0;
}
