/* SPDX-License-Identifier: MIT
 * Draining. */
#include "server/drain.h"

#include "base/log.h"
#include "base/mem.h"
#include "protocol/away.h"
#include "protocol/client.h"

#include <stdio.h>
#include <stdlib.h>

enum {
  TICK_MS = 50,
  LAST_CLOSE_MS = 6000, /* a close handshake may take 5 s, see heartbeat.c */
};

static void say_goodbye(struct drain *drain) {
  char text[96];
  int len =
      snprintf(text, sizeof text,
               "{\"type\":\"goodbye\",\"data\":{\"reconnect_in_ms\":[0,%llu]}}",
               (unsigned long long)drain->window_ms);
  struct frame *frame = frame_new(FRAME_TEXT, text, (size_t)len);
  LIST_FOREACH_SAFE (it, &drain->protocol->manager.conns) {
    struct conn *conn = container_of(it, struct conn, node);
    if (!conn->raw)
      (void)conn_send_control(conn, frame);
  }
  frame_unref(frame);
}

static void list_ids(struct drain *drain) {
  struct manager *manager = &drain->protocol->manager;
  drain->ids = mem_alloc((manager->count + 1) * sizeof *drain->ids);
  LIST_FOREACH (it, &manager->conns) {
    /* Inside-out shuffle: each place is as likely for each of them. */
    size_t at = (size_t)random() % (drain->count + 1);
    drain->ids[drain->count++] = drain->ids[at];
    drain->ids[at] = container_of(it, struct conn, node)->id;
  }
}

/* How many should have been closed by now. */
static size_t quota(const struct drain *drain, uint64_t elapsed_ms) {
  if (elapsed_ms >= drain->window_ms)
    return drain->count;
  return (size_t)((double)drain->count * (double)elapsed_ms /
                  (double)drain->window_ms);
}

static struct conn *at(const struct drain *drain, size_t place) {
  return manager_conn(&drain->protocol->manager, drain->ids[place]);
}

static bool is_working(const struct drain *drain, size_t place) {
  const struct conn *conn = at(drain, place);
  return conn && (conn_is_busy(conn) || client_of(conn)->inbox);
}

/* Closes the next one. One whose handler waits changes places with another, as
 * long as there is time: its answer is to reach it. */
static void close_next(struct drain *drain, bool late) {
  size_t next = drain->next;
  if (!late && is_working(drain, next)) {
    size_t other = next + (size_t)random() % (drain->count - next);
    uint64_t id = drain->ids[next];
    drain->ids[next] = drain->ids[other];
    drain->ids[other] = id;
    if (is_working(drain, next))
      return;
  }
  struct conn *conn = at(drain, drain->next++);
  if (conn)
    conn_close(conn, CLOSE_SHUTDOWN, NULL);
}

static void on_drain_tick(uv_timer_t *timer) {
  struct drain *drain = container_of(timer, struct drain, tick);
  uint64_t elapsed = uv_now(timer->loop) - drain->started_ms;
  size_t due = quota(drain, elapsed);
  bool late = elapsed >= drain->window_ms;
  for (size_t i = drain->next; i < due; i++)
    close_next(drain, late);
  if (drain->next < drain->count)
    return;
  if (!drain->last_ms)
    drain->last_ms = uv_now(timer->loop);
  bool gone = drain->protocol->manager.alive == 0;
  if (!gone && uv_now(timer->loop) < drain->last_ms + LAST_CLOSE_MS)
    return;
  uv_timer_stop(timer);
  drain->done(drain->arg);
}

static void begin_drain(struct drain *drain) {
  drain->started_ms = uv_now(drain->tick.loop);
  away_forbid(drain->protocol);
  list_ids(drain);
  say_goodbye(drain);
  log_info("draining connections=%zu window_ms=%llu", drain->count,
           (unsigned long long)drain->window_ms);
  uv_timer_start(&drain->tick, on_drain_tick, 0, TICK_MS);
}

static void on_notice_over(uv_timer_t *timer) {
  begin_drain(container_of(timer, struct drain, tick));
}

void drain_start(struct drain *drain, struct protocol *protocol,
                 uint64_t notice_ms, uint64_t window_ms, drain_fn *done,
                 void *arg) {
  *drain = (struct drain){
      .protocol = protocol, .window_ms = window_ms, .done = done, .arg = arg};
  uv_timer_init(protocol->loop, &drain->tick);
  if (notice_ms == 0) {
    begin_drain(drain);
    return;
  }
  log_info("draining begins in notice_ms=%llu, until then clients stay",
           (unsigned long long)notice_ms);
  uv_timer_start(&drain->tick, on_notice_over, notice_ms, 0);
}

void drain_close(struct drain *drain) {
  uv_close((uv_handle_t *)&drain->tick, NULL);
  mem_free(drain->ids);
}
