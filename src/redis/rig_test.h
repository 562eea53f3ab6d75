/* SPDX-License-Identifier: MIT
 * For tests: a link on a loop, and what it has told. Include it after
 * cmocka.h. */
#ifndef REDIS_RIG_TEST_H
#define REDIS_RIG_TEST_H

#include "redis/real_test.h"

#include "base/err.h"

/* A link with what it has told. */
struct rig {
  uv_loop_t loop;
  struct real real;
  struct link *link;
  char url[256];
  int ups, downs, messages, answered, not_sent, unknown;
  int subscribed; /* since it came up */
  char why[512], payload[256], error[256];
  struct link_options options;
  const struct link_events *events; /* NULL: rig_events */
};

static inline void on_up(void *arg) {
  struct rig *rig = arg;
  rig->ups++;
  rig->subscribed = 0;
}

static inline void on_down(void *arg, const char *why) {
  struct rig *rig = arg;
  rig->downs++;
  snprintf(rig->why, sizeof rig->why, "%s", why);
}

static inline void on_subscribed(void *arg, void *channel_arg) {
  (void)channel_arg;
  ((struct rig *)arg)->subscribed++;
}

static inline void on_message(void *arg, void *channel_arg,
                              struct slice payload) {
  struct rig *rig = arg;
  (void)channel_arg;
  rig->messages++;
  snprintf(rig->payload, sizeof rig->payload, "%.*s", (int)payload.len,
           payload.at);
}

static const struct link_events rig_events = {.up = on_up,
                                              .down = on_down,
                                              .subscribed = on_subscribed,
                                              .message = on_message};

static inline void on_reply(void *arg, enum link_fate fate,
                            const struct reply *reply) {
  struct rig *rig = arg;
  rig->answered += fate == LINK_ANSWERED;
  rig->not_sent += fate == LINK_NOT_SENT;
  rig->unknown += fate == LINK_UNKNOWN;
  if (reply && reply->kind == REPLY_ERROR)
    snprintf(rig->error, sizeof rig->error, "%s", reply->text);
}

static inline void on_guard(uv_timer_t *timer) {
  *(bool *)timer->data = true;
}

/* Turns the loop until it is so; half a minute is for ever. */
#define UNTIL(rig, condition)                                                  \
  do {                                                                         \
    bool over = false, met;                                                    \
    uv_timer_t guard;                                                          \
    uv_timer_init(&(rig)->loop, &guard);                                       \
    guard.data = &over;                                                        \
    uv_timer_start(&guard, on_guard, 30000, 0);                                \
    while (!(met = (condition)) && !over)                                      \
      uv_run(&(rig)->loop, UV_RUN_ONCE);                                       \
    uv_close((uv_handle_t *)&guard, NULL);                                     \
    uv_run(&(rig)->loop, UV_RUN_NOWAIT);                                       \
    if (!met)                                                                  \
      fail_msg("never: %s (%s)", #condition,                                   \
               (rig)->link ? link_status((rig)->link).why : "");               \
  } while (0)

static inline void rig_link(struct rig *rig) {
  struct buf why = {0};
  rig->options.url = rig->url;
  rig->options.name = "test";
  rig->options.events = rig->events ? rig->events : &rig_events;
  rig->options.arg = rig;
  if (!rig->options.probe_ms)
    rig->options.probe_ms = 250;
  rig->link = link_new(&rig->loop, &rig->options, &why);
  if (!rig->link)
    fail_msg("%.*s", (int)why.len, why.data);
  buf_free(&why);
}

static inline void rig_unlink(struct rig *rig) {
  link_close(rig->link);
  uv_run(&rig->loop, UV_RUN_DEFAULT);
  link_free(rig->link);
  rig->link = NULL;
}

static inline void rig_url(struct rig *rig, int port) {
  snprintf(rig->url, sizeof rig->url, "redis://127.0.0.1:%d", port);
}

static inline int rig_start(void **state) {
  struct rig *rig = calloc(1, sizeof *rig);
  log_setup(getenv("DEBUG") ? LOG_DEBUG : LOG_ERROR, LOG_TEXT);
  signal(SIGPIPE, SIG_IGN); /* as the server does */
  uv_loop_init(&rig->loop);
  *state = rig;
  return 0;
}

static inline int rig_stop(void **state) {
  struct rig *rig = *state;
  link_close(rig->link);
  uv_run(&rig->loop, UV_RUN_DEFAULT);
  link_free(rig->link);
  assert_int_equal(uv_loop_close(&rig->loop), 0);
  if (rig->real.folder[0])
    real_end(&rig->real);
  free(rig);
  return 0;
}

/* With a server, and up. */
static inline int rig_start_up(void **state) {
  rig_start(state);
  struct rig *rig = *state;
  real_start(&rig->real, NULL);
  rig_url(rig, rig->real.port);
  rig_link(rig);
  UNTIL(rig, rig->ups == 1);
  return 0;
}

static inline int say(struct rig *rig, const char *text) {
  struct slice words[16];
  size_t count = 0;
  for (; *text; text += *text == ' ') {
    size_t len = strcspn(text, " ");
    words[count++] = (struct slice){text, len};
    text += len;
  }
  return link_command(rig->link, words, count, on_reply, rig);
}

#endif
