/* SPDX-License-Identifier: MIT
 * For tests: a relay on the loop, between a link and its server, that can
 * close, reset and hold what goes through it. */
#ifndef REDIS_RELAY_TEST_H
#define REDIS_RELAY_TEST_H

#include "redis/rig_test.h"

enum { RELAY_PAIRS = 4096, RELAY_BLOCK = 65536 };

struct relay_side {
  uv_tcp_t tcp;
  struct relay_side *other;
  bool open;
  char block[RELAY_BLOCK];
};

struct relay {
  uv_tcp_t listener;
  struct sockaddr_in server;
  int port, count;
  struct relay_side *sides[RELAY_PAIRS * 2]; /* also those that ended */
};

static inline void end_side(struct relay_side *side, bool reset) {
  if (!side->open)
    return;
  side->open = false;
  if (!reset || uv_tcp_close_reset(&side->tcp, NULL) < 0)
    uv_close((uv_handle_t *)&side->tcp, NULL);
}

static inline void give_block(uv_handle_t *handle, size_t size, uv_buf_t *out) {
  struct relay_side *side = handle->data;
  (void)size;
  *out = uv_buf_init(side->block, RELAY_BLOCK);
}

static inline void on_side_written(uv_write_t *write, int status) {
  (void)status;
  free(write->data);
  free(write);
}

static inline void on_side_read(uv_stream_t *stream, ssize_t count,
                                const uv_buf_t *in) {
  struct relay_side *side = stream->data;
  uv_write_t *write;
  if (count < 0 || !side->other->open) {
    end_side(side->other, false);
    end_side(side, false);
    return;
  }
  write = malloc(sizeof *write);
  write->data = malloc((size_t)count + 1);
  memcpy(write->data, in->base, (size_t)count);
  uv_buf_t out = uv_buf_init(write->data, (unsigned)count);
  if (uv_write(write, (uv_stream_t *)&side->other->tcp, &out, 1,
               on_side_written) < 0)
    on_side_written(write, 0);
}

static inline void read_side(struct relay_side *side) {
  uv_read_start((uv_stream_t *)&side->tcp, give_block, on_side_read);
}

static inline void on_side_connected(uv_connect_t *connect, int status) {
  struct relay_side *side = connect->data;
  free(connect);
  if (status == UV_ECANCELED)
    return;
  if (status < 0) {
    end_side(side->other, true);
    end_side(side, false);
    return;
  }
  read_side(side);
  read_side(side->other);
}

static inline struct relay_side *new_side(struct relay *relay) {
  struct relay_side *side = calloc(1, sizeof *side);
  assert_true(relay->count < RELAY_PAIRS * 2);
  relay->sides[relay->count++] = side;
  uv_tcp_init(relay->listener.loop, &side->tcp);
  side->tcp.data = side;
  side->open = true;
  return side;
}

static inline void on_relay_connection(uv_stream_t *stream, int status) {
  struct relay *relay = stream->data;
  uv_connect_t *connect = malloc(sizeof *connect);
  assert_int_equal(status, 0);
  struct relay_side *near = new_side(relay), *far = new_side(relay);
  near->other = far;
  far->other = near;
  assert_int_equal(uv_accept(stream, (uv_stream_t *)&near->tcp), 0);
  connect->data = far;
  uv_tcp_connect(connect, &far->tcp, (struct sockaddr *)&relay->server,
                 on_side_connected);
}

static inline void relay_start(struct relay *relay, uv_loop_t *loop,
                               int server) {
  struct sockaddr_storage bound;
  int len = sizeof bound;
  struct sockaddr_in addr;
  *relay = (struct relay){0};
  uv_ip4_addr("127.0.0.1", server, &relay->server);
  uv_ip4_addr("127.0.0.1", 0, &addr);
  uv_tcp_init(loop, &relay->listener);
  relay->listener.data = relay;
  uv_tcp_bind(&relay->listener, (struct sockaddr *)&addr, 0);
  assert_int_equal(
      uv_listen((uv_stream_t *)&relay->listener, 16, on_relay_connection), 0);
  uv_tcp_getsockname(&relay->listener, (struct sockaddr *)&bound, &len);
  relay->port = ntohs(((struct sockaddr_in *)&bound)->sin_port);
}

/* Ends all connections. */
static inline void relay_cut(struct relay *relay, bool reset) {
  for (int i = 0; i < relay->count; i++)
    end_side(relay->sides[i], reset);
}

/* Lets nothing through, on connections that are there. */
static inline void relay_hold(struct relay *relay) {
  for (int i = 0; i < relay->count; i++)
    if (relay->sides[i]->open)
      uv_read_stop((uv_stream_t *)&relay->sides[i]->tcp);
}

static inline void relay_stop(struct relay *relay) {
  relay_cut(relay, false);
  uv_close((uv_handle_t *)&relay->listener, NULL);
}

/* When the loop has closed the handles. */
static inline void relay_free(struct relay *relay) {
  for (int i = 0; i < relay->count; i++)
    free(relay->sides[i]);
}

#endif
