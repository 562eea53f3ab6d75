/* SPDX-License-Identifier: MIT
 * The socket of a connection of hiredis, on a loop of libuv. */
#include "redis/socket.h"

#include "base/mem.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

/* It outlives the context until libuv has closed it. */
struct watch {
  uv_poll_t poll;
  redisAsyncContext *redis; /* NULL: it is freed */
  int events;               /* that hiredis waits for */
  void (*read)(void *arg);  /* NULL: hiredis does */
  void *arg;
};

static void on_redis_watch_closed(uv_handle_t *handle) {
  mem_free(container_of((uv_poll_t *)handle, struct watch, poll));
}

/* On an error the library is called for what it waits for, and finds out by
 * itself. Each call may free the context. */
static void on_watch(uv_poll_t *poll, int status, int events) {
  struct watch *watch = container_of(poll, struct watch, poll);
  if (status < 0)
    events = watch->events;
  if (watch->redis && (events & UV_READABLE) && watch->read)
    watch->read(watch->arg);
  else if (watch->redis && (events & UV_READABLE))
    redisAsyncHandleRead(watch->redis);
  if (watch->redis && (events & UV_WRITABLE))
    redisAsyncHandleWrite(watch->redis);
}

static void watch_for(struct watch *watch, int events) {
  if (watch->events == events)
    return;
  watch->events = events;
  if (events)
    uv_poll_start(&watch->poll, events, on_watch);
  else
    uv_poll_stop(&watch->poll);
}

static void want_read(void *data) {
  struct watch *watch = data;
  watch_for(watch, watch->events | UV_READABLE);
}

static void unwant_read(void *data) {
  struct watch *watch = data;
  watch_for(watch, watch->events & ~UV_READABLE);
}

static void want_write(void *data) {
  struct watch *watch = data;
  watch_for(watch, watch->events | UV_WRITABLE);
}

static void unwant_write(void *data) {
  struct watch *watch = data;
  watch_for(watch, watch->events & ~UV_WRITABLE);
}

static void clean_up_watch(void *data) {
  struct watch *watch = data;
  watch->redis = NULL;
  uv_close((uv_handle_t *)&watch->poll, on_redis_watch_closed);
}

bool socket_attach(uv_loop_t *loop, struct redisAsyncContext *redis) {
  struct watch *watch = mem_alloc(sizeof *watch);
  if (uv_poll_init(loop, &watch->poll, redis->c.fd) < 0) {
    mem_free(watch);
    return false;
  }
  watch->redis = redis;
  redis->ev.data = watch;
  redis->ev.addRead = want_read;
  redis->ev.delRead = unwant_read;
  redis->ev.addWrite = want_write;
  redis->ev.delWrite = unwant_write;
  redis->ev.cleanup = clean_up_watch;
  return true;
}

void socket_read_by(struct redisAsyncContext *redis, void (*read)(void *arg),
                    void *arg) {
  struct watch *watch = redis->ev.data;
  watch->read = read;
  watch->arg = arg;
}
