/* SPDX-License-Identifier: MIT
 * An HTTP/1.1 server for programs. */
#include "api/http.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  TICK_MS = 200,
  END_MS = 2000,           /* in which the peer hangs up */
  MOVED_BYTES_MIN = 65536, /* of a body or an answer, for another deadline */
  INPUT_BYTES = 64 * 1024, /* that are read at one go */
};

static uint64_t http_now(const struct http *http) {
  return uv_now(http->tick.loop);
}

static void wait_for(struct http_conn *conn, uint64_t ms) {
  conn->due_ms = http_now(conn->http) + ms;
  conn->moved = 0;
}

/* --- the end ------------------------------------------------------------ */

static void free_http_conn(struct http_conn *conn) {
  struct http *http = conn->http;
  http->service->gone(http->arg, conn);
  list_remove(&conn->node);
  transport_close(&conn->transport, http->poller);
  buf_free(&conn->in);
  buf_free(&conn->out);
  mem_free(conn);
  if (--http->count == 0)
    uv_timer_stop(&http->tick);
}

static void on_http_ready(struct poller_item *item, uint32_t events);

/* False: the kernel has no memory for that, and the connection is gone. */
static bool want_events(struct http_conn *conn, uint32_t events) {
  struct poller *poller = conn->http->poller;
  struct poller_item *watch = &conn->transport.watch;
  if (watch->ready) {
    poller_change(poller, watch, events);
  } else if (poller_add(poller, watch, events, on_http_ready)) {
    free_http_conn(conn);
    return false;
  }
  return true;
}

/* --- writing ------------------------------------------------------------ */

static bool has_output(const struct http_conn *conn) {
  return conn->written < conn->out.len;
}

/* False if it is gone. */
static bool flush_http(struct http_conn *conn) {
  while (has_output(conn)) {
    size_t left = conn->out.len - conn->written;
    ssize_t n =
        transport_write(&conn->transport, conn->out.data + conn->written, left);
    if (n < 0) {
      free_http_conn(conn);
      return false;
    }
    conn->written += (size_t)n;
    conn->moved += (size_t)n;
    if ((size_t)n < left)
      break;
  }
  if (has_output(conn))
    return true;
  buf_reset(&conn->out, INPUT_BYTES);
  conn->written = 0;
  if (conn->state == HTTP_END && !conn->shut) {
    conn->shut = true;
    transport_shut(&conn->transport);
    wait_for(conn, END_MS);
  }
  return true;
}

/* --- reading ------------------------------------------------------------ */

static struct slice unread(const struct http_conn *conn) {
  return (struct slice){conn->in.data ? conn->in.data + conn->taken : "",
                        conn->in.len - conn->taken};
}

static void take_bytes(struct http_conn *conn, size_t len) {
  conn->taken += len;
  if (conn->taken < conn->in.len)
    return;
  conn->in.len = 0;
  conn->taken = 0;
}

void http_expect(struct http_conn *conn, const struct request *request,
                 size_t max) {
  static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
  body_begin(&conn->body, request, max);
  conn->state = HTTP_BODY;
  wait_for(conn, conn->http->request_ms);
  if (request->minor > 0 && request_has_word(request, "expect", "100-continue"))
    buf_puts(&conn->out, go_on);
}

void http_wait(struct http_conn *conn, uint64_t ms) {
  wait_for(conn, ms);
}

void http_live(struct http_conn *conn) {
  conn->live = true;
  wait_for(conn, conn->http->request_ms);
}

int http_give_away(struct http_conn *conn, struct slice *rest) {
  struct transport moved = transport_move(&conn->transport, conn->http->poller);
  *rest = unread(conn);
  return moved.watch.fd;
}

static void wrong_http(struct http_conn *conn, unsigned status,
                       const char *text) {
  struct http *http = conn->http;
  conn->last = true;
  http->service->wrong(http->arg, conn, status, text);
}

enum http_step {
  HTTP_STEP_DONE, /* there may be more to do with what was read */
  HTTP_STEP_WAITS,
  HTTP_STEP_GONE, /* the connection is freed */
};

/* Takes a head if there is one. */
static enum http_step take_http_head(struct http_conn *conn) {
  struct http *http = conn->http;
  struct slice bytes = unread(conn);
  struct request request;
  struct request_fault fault;
  size_t len = request_length(bytes.at, bytes.len, 0);
  if (len == 0)
    return HTTP_STEP_WAITS;
  conn->bare = conn->old = false;
  if (!request_read(&request, bytes.at, len, &fault)) {
    wrong_http(conn, fault.status, fault.text);
    return HTTP_STEP_DONE;
  }
  conn->bare = slice_equals(request.method, "HEAD");
  conn->old = request.minor == 0;
  conn->last =
      request_has_word(&request, "connection", "close") ||
      (conn->old && !request_has_word(&request, "connection", "keep-alive"));
  conn->foreign = http->service->is_foreign(conn, &request);
  if (conn->foreign && has_output(conn))
    return HTTP_STEP_WAITS; /* what came before is answered first, by us */
  /* Until http_expect is called nobody reads the body. */
  conn->state = request.length > 0 || request.chunked ? HTTP_BODY : HTTP_WAIT;
  if (conn->foreign) {
    http->service->give_away(http->arg, conn);
    free_http_conn(conn);
    return HTTP_STEP_GONE;
  }
  http->service->head(http->arg, conn, &request);
  take_bytes(conn, len);
  return HTTP_STEP_DONE;
}

static enum http_step take_body(struct http_conn *conn) {
  struct http *http = conn->http;
  struct slice in = unread(conn), piece;
  size_t before = in.len;
  enum body_result result = body_read(&conn->body, &in, &piece);
  if (piece.len > 0)
    http->service->piece(http->arg, conn, piece);
  take_bytes(conn, before - in.len);
  if (result == BODY_MORE)
    return in.len > 0 ? HTTP_STEP_DONE : HTTP_STEP_WAITS;
  if (result == BODY_DONE) {
    conn->state = HTTP_WAIT;
    http->service->whole(http->arg, conn);
  } else if (result == BODY_BAD) {
    wrong_http(conn, 400, "the body is not in the chunks of RFC 9112\n");
  } else {
    wrong_http(conn, 413, "the body is too large\n");
  }
  return HTTP_STEP_DONE;
}

bool http_is_behind(const struct http_conn *conn) {
  return conn->out.len - conn->written > conn->http->output_max;
}

static enum http_step take_step(struct http_conn *conn) {
  if (http_is_behind(conn) || conn->paused)
    return HTTP_STEP_WAITS;
  if (conn->state == HTTP_HEAD && conn->in.len > conn->taken)
    return take_http_head(conn);
  return conn->state == HTTP_BODY ? take_body(conn) : HTTP_STEP_WAITS;
}

/* Goes through what was read. False if the connection is gone. */
static bool use_input(struct http_conn *conn) {
  enum http_step step;
  do {
    step = take_step(conn);
  } while (step == HTTP_STEP_DONE);
  if (step == HTTP_STEP_GONE)
    return false;
  if (conn->state == HTTP_END || conn->live)
    take_bytes(conn, conn->in.len - conn->taken);
  return true;
}

/* What the peer sends behind the last answer is nobody's. */
static bool is_reading(const struct http_conn *conn) {
  if (conn->live)
    return !conn->ended;
  return !conn->ended && conn->state != HTTP_WAIT && !conn->paused &&
         !conn->foreign && !http_is_behind(conn);
}

static void read_http(struct http_conn *conn) {
  if (!is_reading(conn))
    return;
  if (conn->taken > 0) {
    conn->in.len -= conn->taken;
    memmove(conn->in.data, conn->in.data + conn->taken, conn->in.len);
    conn->taken = 0;
  }
  char *out = buf_reserve(&conn->in, INPUT_BYTES);
  ssize_t n = transport_read(&conn->transport, out, INPUT_BYTES);
  if (n < 0) {
    conn->ended = true;
    return;
  }
  /* The first bytes of a request: it has to come in time from now on. */
  if (conn->state == HTTP_HEAD && conn->in.len == 0 && n > 0)
    wait_for(conn, conn->http->request_ms);
  conn->in.len += (size_t)n;
  conn->moved += (size_t)n;
}

/* The peer sends no more, and there is nothing to tell it. It may have closed
 * one direction only, and wait for its answer. */
static bool is_over(const struct http_conn *conn) {
  if (conn->live)
    return conn->ended;
  return conn->ended && conn->state != HTTP_WAIT && !conn->paused &&
         !has_output(conn);
}

void http_go_on(struct http_conn *conn) {
  size_t before;
  if (conn->busy) /* it goes on when that returns */
    return;
  conn->busy = true;
  do { /* what was written makes room for more answers */
    before = unread(conn).len;
    if (!use_input(conn) || !flush_http(conn))
      return;
  } while (!has_output(conn) && unread(conn).len > 0 &&
           unread(conn).len < before);
  conn->busy = false;
  if (is_over(conn)) {
    free_http_conn(conn);
    return;
  }
  if (conn->in.len == 0) /* idle connections hold nothing */
    buf_free(&conn->in);
  want_events(conn, (is_reading(conn) ? (uint32_t)EPOLLIN : 0U) |
                        (has_output(conn) ? (uint32_t)EPOLLOUT : 0U));
}

static void on_http_ready(struct poller_item *item, uint32_t events) {
  struct http_conn *conn =
      container_of(item, struct http_conn, transport.watch);
  bool broken = events & (uint32_t)(EPOLLERR | EPOLLHUP);
  if (broken && (conn->state == HTTP_WAIT ||
                 conn->paused)) { /* nobody waits for the answer */
    free_http_conn(conn);
    return;
  }
  if (events & (uint32_t)EPOLLIN || broken)
    read_http(conn);
  if (flush_http(conn))
    http_go_on(conn);
}

/* --- deadlines ---------------------------------------------------------- */

/* Whether it has moved on: that is all that is asked of what may be long. */
static bool may_go_on(struct http_conn *conn) {
  bool moves = conn->moved >= MOVED_BYTES_MIN &&
               (has_output(conn) || conn->state == HTTP_BODY);
  if (moves)
    wait_for(conn, conn->http->request_ms);
  return moves;
}

static void on_http_due(struct http_conn *conn) {
  struct http *http = conn->http;
  if (conn->paused) /* it is us who are late */
    return;
  if (conn->live) {
    if (has_output(conn) && conn->moved == 0)
      free_http_conn(conn);
    else
      wait_for(conn, http->request_ms);
    return;
  }
  if (conn->state == HTTP_WAIT) {
    http->service->late(http->arg, conn);
    http_go_on(conn);
    return;
  }
  if (may_go_on(conn))
    return;
  if ((conn->state == HTTP_BODY ||
       (conn->state == HTTP_HEAD && conn->in.len > conn->taken)) &&
      !has_output(conn) && !conn->streams) {
    wrong_http(conn, 408, "the request did not come in time\n");
    http_go_on(conn);
    return;
  }
  free_http_conn(conn);
}

static void resume_http(struct http_conn *conn) {
  conn->paused = false;
  wait_for(conn, conn->http->request_ms);
  http_go_on(conn);
}

static void on_http_tick(uv_timer_t *tick) {
  struct http *http = container_of(tick, struct http, tick);
  uint64_t now = http_now(http);
  LIST_FOREACH_SAFE (it, &http->conns) {
    struct http_conn *conn = container_of(it, struct http_conn, node);
    if (conn->paused && !http->service->must_wait(http->arg))
      resume_http(conn);
    else if (conn->due_ms <= now)
      on_http_due(conn);
  }
}

/* --- life --------------------------------------------------------------- */

void http_open(struct http *http, uv_loop_t *loop) {
  list_init(&http->conns);
  uv_timer_init(loop, &http->tick);
}

static void turn_away(int fd) {
  static const char text[] =
      "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
      "Content-Length: 0\r\nConnection: close\r\n\r\n";
  if (send(fd, text, sizeof text - 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
    shutdown(fd, SHUT_WR);
    tcp_forget_unread(fd);
  }
  close(fd);
}

void http_welcome_take(struct http *http, int fd, const char *ip, int origin,
                       struct slice read) {
  if (http->count >= http->max) {
    log_debug("api: ip=%s is one connection too many", ip);
    turn_away(fd);
    return;
  }
  struct http_conn *conn = mem_alloc(sizeof *conn);
  conn->http = http;
  conn->transport.watch.fd = fd;
  conn->origin = origin;
  snprintf(conn->ip, sizeof conn->ip, "%s", ip);
  buf_put(&conn->in, read.at, read.len);
  list_init(&conn->node);
  list_push(&http->conns, &conn->node);
  if (http->count++ == 0)
    uv_timer_start(&http->tick, on_http_tick, TICK_MS, TICK_MS);
  wait_for(conn, http->request_ms);
  http_go_on(conn);
}

void http_close(struct http *http) {
  LIST_FOREACH_SAFE (it, &http->conns)
    free_http_conn(container_of(it, struct http_conn, node));
  uv_close((uv_handle_t *)&http->tick, NULL);
}
