/* SPDX-License-Identifier: MIT
 * For tests: a loop with an HTTP server of a few pages on it, and a fetcher
 * to ask it. Include it after cmocka.h. */
#ifndef NET_WEB_TEST_H
#define NET_WEB_TEST_H

#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "net/fetch.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

struct peer {
  uv_tcp_t tcp;
  struct list node;
  struct buf in;
};

struct server {
  uv_loop_t loop;
  uv_tcp_t tcp;
  struct list peers;
  int port, accepted, requests;
  struct fetcher *fetcher;
};

static inline void on_peer_closed(uv_handle_t *handle) {
  struct peer *peer = container_of((uv_tcp_t *)handle, struct peer, tcp);
  list_remove(&peer->node);
  buf_free(&peer->in);
  free(peer);
}

static inline void web_hang_up(struct peer *peer) {
  if (!uv_is_closing((uv_handle_t *)&peer->tcp))
    uv_close((uv_handle_t *)&peer->tcp, on_peer_closed);
}

/* A canned answer, or (echo) the request as the body. */
static const struct page {
  const char *path, *answer;
} pages[] = {
    {"GET /ok ",
     "HTTP/1.1 200 Fine\r\nContent-Length: 5\r\nX-Empty: \r\nX-One:  a \r\n"
     "x-one: b\r\nSet-Cookie: c=1\r\n\r\nhello"},
    {"GET /missing ", "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno"},
    {"GET /empty ", "HTTP/1.1 204 Empty\r\n\r\n"},
    {"GET /short ", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nfew"},
    {"GET /nonsense ", "what?\r\n\r\n"},
    {"GET /moved ", "HTTP/1.1 302 Found\r\nLocation: /ok\r\n"
                    "Content-Length: 4\r\n\r\ngone"},
    {"GET /loop ", "HTTP/1.1 302 Found\r\nLocation: /loop\r\n"
                   "Content-Length: 0\r\n\r\n"},
    {"GET /file ", "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n"
                   "Content-Length: 0\r\n\r\n"},
};

static inline void web_answer(struct peer *peer, const char *text, size_t len) {
  uv_buf_t out = uv_buf_init((char *)text, (unsigned)len);
  assert_int_equal(uv_try_write((uv_stream_t *)&peer->tcp, &out, 1), len);
  peer->in.len = 0;
}

static inline void serve(struct peer *peer) {
  const char *request = peer->in.data;
  if (!strncmp(request, "GET /hang ", 10))
    return;
  for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
    if (!strncmp(request, pages[i].path, strlen(pages[i].path))) {
      web_answer(peer, pages[i].answer, strlen(pages[i].answer));
      if (pages[i].path[5] == 's' || pages[i].path[5] == 'n')
        web_hang_up(peer);
      return;
    }
  struct buf out = {0};
  buf_printf(&out, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
             peer->in.len);
  buf_put(&out, request, strlen(request));
  web_answer(peer, out.data, out.len);
  buf_free(&out);
}

/* The whole request is there. */
static inline bool is_whole(const struct buf *in) {
  const char *end = strstr(in->data, "\r\n\r\n");
  const char *length = strstr(in->data, "Content-Length: ");
  size_t body = length ? (size_t)atoi(length + 16) : 0;
  return end && (size_t)(end + 4 - in->data) + body <= in->len;
}

static inline void give_memory(uv_handle_t *handle, size_t size,
                               uv_buf_t *out) {
  struct peer *peer = container_of((uv_tcp_t *)handle, struct peer, tcp);
  (void)size;
  *out = uv_buf_init(buf_reserve(&peer->in, 4096), 4095);
}

static inline void on_read(uv_stream_t *stream, ssize_t count,
                           const uv_buf_t *in) {
  struct peer *peer = container_of((uv_tcp_t *)stream, struct peer, tcp);
  struct server *server = stream->loop->data;
  (void)in;
  if (count < 0) {
    web_hang_up(peer);
    return;
  }
  peer->in.len += (size_t)count;
  peer->in.data[peer->in.len] = 0;
  if (!is_whole(&peer->in))
    return;
  server->requests++;
  serve(peer);
}

static inline void on_connection(uv_stream_t *stream, int status) {
  struct server *server = stream->loop->data;
  struct peer *peer = calloc(1, sizeof *peer);
  assert_int_equal(status, 0);
  uv_tcp_init(stream->loop, &peer->tcp);
  list_push(&server->peers, &peer->node);
  assert_int_equal(uv_accept(stream, (uv_stream_t *)&peer->tcp), 0);
  uv_read_start((uv_stream_t *)&peer->tcp, give_memory, on_read);
  server->accepted++;
}

static inline void web_start(struct server *server,
                             struct fetch_limits limits) {
  struct sockaddr_in addr;
  struct sockaddr_storage bound;
  int len = sizeof bound;
  *server = (struct server){0};
  log_setup(LOG_ERROR, LOG_TEXT);
  assert_int_equal(uv_loop_init(&server->loop), 0);
  server->loop.data = server;
  list_init(&server->peers);
  uv_tcp_init(&server->loop, &server->tcp);
  uv_ip4_addr("127.0.0.1", 0, &addr);
  uv_tcp_bind(&server->tcp, (const struct sockaddr *)&addr, 0);
  assert_int_equal(uv_listen((uv_stream_t *)&server->tcp, 128, on_connection),
                   0);
  uv_tcp_getsockname(&server->tcp, (struct sockaddr *)&bound, &len);
  server->port = ntohs(((struct sockaddr_in *)&bound)->sin_port);
  server->fetcher = fetcher_new(&server->loop, &limits);
  assert_non_null(server->fetcher);
}

/* Nothing is left open: uv_loop_close says so. */
static inline void web_stop_rest(struct server *server) {
  LIST_FOREACH_SAFE (it, &server->peers)
    web_hang_up(container_of(it, struct peer, node));
  uv_close((uv_handle_t *)&server->tcp, NULL);
  uv_run(&server->loop, UV_RUN_DEFAULT);
  fetcher_free(server->fetcher);
  assert_int_equal(uv_loop_close(&server->loop), 0);
}

static inline void web_stop(struct server *server) {
  fetcher_close(server->fetcher);
  web_stop_rest(server);
}

#endif
