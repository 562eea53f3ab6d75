/* SPDX-License-Identifier: MIT
 * One connection to one Redis: hiredis on a loop of libuv.
 *
 * hiredis may free its context inside any of its calls that read or write, and
 * puts off that freeing while one of its callbacks runs. So whatever ends here
 * only notes it and asks for a tick: the owner hears of it from the loop, with
 * nothing of hiredis on the stack.
 *
 * What a subscriber gets is read here. hiredis' own bookkeeping of channels
 * ends the connection at an error, calls nobody back for a channel that it does
 * not know, and ends the whole process at a message of a sharded one. */
#include "redis/adapter.h"

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "redis/secure.h"
#include "redis/socket.h"

#include <fcntl.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

enum { ADAPTER_WHY_BYTES = 256, ADAPTER_KEEPALIVE_S = 15 };

enum adapter_state { RESOLVING, CONNECTING, OPEN, ENDED, CLOSED };

struct adapter {
  uv_loop_t *loop;
  uv_timer_t deadline, tick;
  uv_getaddrinfo_t lookup;
  bool looking; /* the lookup is under way */
  int holds;    /* handles and requests that libuv still has */
  enum adapter_state state;
  redisAsyncContext *redis; /* NULL: none */
  struct addrinfo *found, *next;
  uint64_t timeout_ms; /* for each of these addresses */
  char *host, *path;
  int port;
  SSL_CTX *tls;
  SSL *session;        /* of `redis`; NULL: none */
  struct list waiting; /* struct waiting, oldest first */
  uint64_t given;      /* bytes that hiredis was given on this connection */
  char why[ADAPTER_WHY_BYTES];
  const struct adapter_events *events;
  void *arg;
};

/* A command that has no answer yet. hiredis has a pointer to it, and calls
 * on_hiredis_answer once, whatever happens. */
struct waiting {
  struct list node;
  struct adapter *adapter; /* NULL: it was closed, and has told its end */
  uint64_t at;             /* how many bytes were given before it */
  adapter_answer_fn *answer;
  void *arg;
};

static void on_adapter_tick(uv_timer_t *timer);

/* --- the end --- */

/* Notes why; the rest is done by the loop. */
static void adapter_end(struct adapter *adapter, const char *why) {
  if (adapter->state >= ENDED)
    return;
  adapter->state = ENDED;
  snprintf(adapter->why, sizeof adapter->why, "%s", why);
  uv_timer_stop(&adapter->deadline);
  uv_timer_start(&adapter->tick, on_adapter_tick, 0, 0);
}

static void drop_context(struct adapter *adapter) {
  redisAsyncContext *redis = adapter->redis;
  adapter->redis = NULL;
  adapter->session = NULL;
  if (!redis)
    return;
  redis->data = NULL; /* its callbacks mean nobody any more */
  redisAsyncFree(redis);
}

/* The loop has closed one of the handles, or ended the lookup. */
static void adapter_release(struct adapter *adapter) {
  if (--adapter->holds > 0)
    return;
  uv_freeaddrinfo(adapter->found);
  mem_free(adapter->host);
  mem_free(adapter->path);
  mem_free(adapter);
}

static void on_adapter_timer_closed(uv_handle_t *handle) {
  adapter_release(handle->data);
}

static void tell_waiting(struct adapter *adapter) {
  struct list *node;
  uint64_t sent = adapter->given - adapter_unsent(adapter);
  while ((node = list_shift(&adapter->waiting))) {
    struct waiting *waiting = container_of(node, struct waiting, node);
    waiting->adapter = NULL; /* hiredis frees it by on_hiredis_answer */
    if (waiting->answer)
      waiting->answer(waiting->arg, NULL, waiting->at < sent);
  }
}

void adapter_close(struct adapter *adapter) {
  if (!adapter || adapter->state == CLOSED)
    return;
  adapter->state = CLOSED;
  tell_waiting(adapter);
  drop_context(adapter);
  if (adapter->looking)
    uv_cancel((uv_req_t *)&adapter->lookup);
  uv_close((uv_handle_t *)&adapter->deadline, on_adapter_timer_closed);
  uv_close((uv_handle_t *)&adapter->tick, on_adapter_timer_closed);
}

/* --- connecting --- */

/* The next address, or the end. `why` is of the one that failed. */
static void address_failed(struct adapter *adapter, const char *why) {
  snprintf(adapter->why, sizeof adapter->why, "%s", why);
  adapter->next = adapter->next ? adapter->next->ai_next : NULL;
  if (!adapter->next)
    adapter_end(adapter, why);
  else
    uv_timer_start(&adapter->tick, on_adapter_tick, 0, 0);
}

static void on_adapter_deadline(uv_timer_t *timer) {
  struct adapter *adapter = timer->data;
  drop_context(adapter);
  if (adapter->state == RESOLVING)
    adapter_end(adapter, "its name was not found in time");
  else if (adapter->state == CONNECTING)
    address_failed(adapter, "no connection in time");
}

/* hiredis frees the context itself when the status is not REDIS_OK. */
static void on_hiredis_connect(const redisAsyncContext *redis, int status) {
  struct adapter *adapter = redis->data;
  if (!adapter || adapter->redis != redis)
    return;
  if (status != REDIS_OK) {
    adapter->redis = NULL;
    adapter->session = NULL;
    address_failed(adapter, redis->errstr && *redis->errstr
                                ? redis->errstr
                                : "the connection failed");
    return;
  }
  uv_timer_stop(&adapter->deadline);
  adapter->state = OPEN;
  adapter->events->open(adapter->arg);
}

static void on_hiredis_end(const redisAsyncContext *redis, int status) {
  struct adapter *adapter = redis->data;
  (void)status;
  if (!adapter || adapter->redis != redis)
    return;
  const char *fault = secure_fault(adapter->session);
  adapter->redis = NULL;
  if (!fault && redis->err && redis->errstr && *redis->errstr)
    fault = redis->errstr;
  adapter_end(adapter, fault ? fault : "the connection was closed");
}

/* Programs that scripts start do not get it. */
static void keep_socket(int fd) {
  fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void set_socket_options(int fd) {
  int on = 1, idle = ADAPTER_KEEPALIVE_S;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
}

/* Returns NULL, or what is wrong; the context is then still the caller's. */
static const char *adopt_context(struct adapter *adapter,
                                 redisAsyncContext *redis) {
  if (redis->err)
    return redis->errstr;
  keep_socket(redis->c.fd);
  if (!adapter->path)
    set_socket_options(redis->c.fd);
  const char *why = adapter->tls
                        ? secure_begin(&redis->c, adapter->tls, adapter->host,
                                       &adapter->session)
                        : NULL;
  if (why)
    return why;
  if (!socket_attach(adapter->loop, redis))
    return "the loop does not take its socket";
  adapter->redis = redis;
  adapter->given = 0;
  redis->data = adapter;
  redisAsyncSetDisconnectCallback(redis, on_hiredis_end);
  redisAsyncSetConnectCallback(redis, on_hiredis_connect);
  return NULL;
}

static redisAsyncContext *new_context(struct adapter *adapter) {
  char address[NI_MAXHOST];
  const struct addrinfo *next = adapter->next;
  if (adapter->path)
    return redisAsyncConnectUnix(adapter->path);
  if (!next || getnameinfo(next->ai_addr, next->ai_addrlen, address,
                           sizeof address, NULL, 0, NI_NUMERICHOST) != 0)
    return NULL;
  return redisAsyncConnect(address, adapter->port);
}

static void try_address(struct adapter *adapter) {
  redisAsyncContext *redis = new_context(adapter);
  const char *why = redis ? adopt_context(adapter, redis) : "no such address";
  if (why) {
    address_failed(adapter, why);
    if (redis)
      redisAsyncFree(redis);
    return;
  }
  uv_timer_start(&adapter->deadline, on_adapter_deadline, adapter->timeout_ms,
                 0);
}

static void on_adapter_tick(uv_timer_t *timer) {
  struct adapter *adapter = timer->data;
  if (adapter->state == CONNECTING)
    try_address(adapter);
  else if (adapter->state == ENDED)
    adapter->events->ended(adapter->arg, adapter->why);
}

static void on_adapter_lookup(uv_getaddrinfo_t *lookup, int status,
                              struct addrinfo *found) {
  struct adapter *adapter = lookup->data;
  uint64_t count = 0;
  adapter->found = found;
  adapter->looking = false;
  if (adapter->state == RESOLVING && status < 0) {
    adapter_end(adapter, uv_strerror(status));
  } else if (adapter->state == RESOLVING) {
    for (struct addrinfo *it = found; it; it = it->ai_next)
      count++;
    adapter->timeout_ms /= count ? count : 1;
    adapter->state = CONNECTING;
    adapter->next = found;
    try_address(adapter);
  }
  adapter_release(adapter);
}

static void start_lookup(struct adapter *adapter) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
  adapter->lookup.data = adapter;
  int rc = uv_getaddrinfo(adapter->loop, &adapter->lookup, on_adapter_lookup,
                          adapter->host, NULL, &hints);
  if (rc < 0) {
    adapter_end(adapter, uv_strerror(rc));
    return;
  }
  adapter->looking = true;
  adapter->holds++;
}

struct adapter *adapter_new(uv_loop_t *loop,
                            const struct adapter_target *target,
                            uint64_t timeout_ms,
                            const struct adapter_events *events, void *arg) {
  struct adapter *adapter = mem_alloc(sizeof *adapter);
  adapter->loop = loop;
  adapter->host = mem_strdup(target->host);
  adapter->path = mem_strdup(target->path);
  adapter->port = target->port;
  adapter->tls = target->tls;
  adapter->timeout_ms = timeout_ms;
  adapter->events = events;
  adapter->arg = arg;
  list_init(&adapter->waiting);
  uv_timer_init(loop, &adapter->deadline);
  uv_timer_init(loop, &adapter->tick);
  adapter->deadline.data = adapter->tick.data = adapter;
  adapter->holds = 2;
  adapter->state = adapter->path ? CONNECTING : RESOLVING;
  uv_timer_start(&adapter->deadline, on_adapter_deadline, timeout_ms, 0);
  if (adapter->path)
    uv_timer_start(&adapter->tick, on_adapter_tick, 0, 0);
  else
    start_lookup(adapter);
  return adapter;
}

/* --- commands --- */

static void on_hiredis_answer(redisAsyncContext *redis, void *answer,
                              void *data) {
  struct waiting *waiting = data;
  struct adapter *adapter = waiting->adapter;
  (void)redis;
  if (adapter) {
    bool sent =
        answer || waiting->at < adapter->given - adapter_unsent(adapter);
    struct reply reply = reply_view(answer);
    list_remove(&waiting->node);
    if (waiting->answer)
      waiting->answer(waiting->arg, answer ? &reply : NULL, sent);
  }
  mem_free(waiting);
}

int adapter_send(struct adapter *adapter, const char *command, size_t len,
                 adapter_answer_fn *answer, void *arg) {
  if (adapter->state != OPEN || !adapter->redis)
    return ERR_CLOSED;
  struct waiting *waiting = mem_alloc_raw(sizeof *waiting);
  *waiting = (struct waiting){
      .adapter = adapter, .at = adapter->given, .answer = answer, .arg = arg};
  if (redisAsyncFormattedCommand(adapter->redis, on_hiredis_answer, waiting,
                                 command, len) != REDIS_OK) {
    mem_free(waiting);
    return ERR_CLOSED;
  }
  list_push(&adapter->waiting, &waiting->node);
  adapter->given += len;
  return 0;
}

/* Each callback may close the adapter. */
static void push_all(struct adapter *adapter) {
  void *answer = NULL;
  while (adapter->state == OPEN &&
         redisReaderGetReply(adapter->redis->c.reader, &answer) == REDIS_OK &&
         answer) {
    struct reply reply = reply_view(answer);
    adapter->events->pushed(adapter->arg, &reply);
    freeReplyObject(answer);
  }
}

static void lose_subscriber(struct adapter *adapter, const char *why) {
  const char *fault = secure_fault(adapter->session);
  adapter_end(adapter, fault ? fault : why);
  drop_context(adapter);
}

static void read_pushes(void *arg) {
  struct adapter *adapter = arg;
  redisContext *redis = &adapter->redis->c;
  if (adapter->state != OPEN)
    return;
  if (redisBufferRead(redis) != REDIS_OK) {
    lose_subscriber(adapter, redis->errstr);
    return;
  }
  push_all(adapter);
  if (adapter->state == OPEN && adapter->redis->c.reader->err)
    lose_subscriber(adapter, adapter->redis->c.reader->errstr);
}

int adapter_send_subscription(struct adapter *adapter, const char *command,
                              size_t len) {
  redisAsyncContext *redis = adapter->redis;
  if (adapter->state != OPEN || !redis ||
      redisAppendFormattedCommand(&redis->c, command, len) != REDIS_OK)
    return ERR_CLOSED;
  socket_read_by(redis, read_pushes, adapter);
  redis->ev.addWrite(redis->ev.data);
  adapter->given += len;
  return 0;
}

size_t adapter_unsent(const struct adapter *adapter) {
  return adapter->redis ? sdslen(adapter->redis->c.obuf) : 0;
}
