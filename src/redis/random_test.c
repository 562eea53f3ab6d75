/* SPDX-License-Identifier: MIT
 * Random faults, one after the other, while commands and messages go on: each
 * command has one answer, in its turn; each message comes once at most, in its
 * turn; and it always comes up again. ROUNDS and SEED in the environment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "redis/relay_test.h"

enum { ROUNDS = 10, BURST = 20 };

static struct relay relay;

/* What is sent, and what has come of it. */
struct flow {
  struct rig *rig;
  int sent, answered; /* numbers of orders */
  int heard;          /* the number of the last message */
  bool subscribed;
};

static struct flow flow;

static void on_order(void *arg, enum link_fate fate,
                     const struct reply *reply) {
  int number = (int)(intptr_t)arg;
  assert_int_equal(number, flow.answered + 1);
  flow.answered = number;
  assert_int_equal(fate == LINK_ANSWERED, reply != NULL);
}

static void flow_message(void *arg, void *channel_arg, struct slice payload) {
  char text[16];
  (void)arg;
  (void)channel_arg;
  assert_true(payload.len < sizeof text);
  memcpy(text, payload.at, payload.len);
  text[payload.len] = '\0';
  assert_true(atoi(text) > flow.heard);
  flow.heard = atoi(text);
}

static void flow_subscribed(void *arg, void *channel_arg) {
  (void)arg;
  (void)channel_arg;
  assert_false(flow.subscribed);
  flow.subscribed = true;
}

static void flow_down(void *arg, const char *why) {
  on_down(arg, why);
  assert_int_equal(flow.sent, flow.answered); /* all have their answers */
  flow.subscribed = false;
}

static const struct link_events flow_events = {.up = on_up,
                                               .down = flow_down,
                                               .subscribed = flow_subscribed,
                                               .message = flow_message};

/* A message with its number, if the link takes it. */
static void send_order(void) {
  char number[16];
  snprintf(number, sizeof number, "%d", flow.sent + 1);
  struct slice words[] = {word("PUBLISH"), word("c"), word(number)};
  if (link_command(flow.rig->link, words, 3, on_order,
                   (void *)(intptr_t)(flow.sent + 1)) == 0)
    flow.sent++;
}

static void try_kill(struct rig *rig, const char *command) {
  redisReply *reply = real_ask(rig->real.port, NULL, command);
  if (reply)
    freeReplyObject(reply);
}

static void do_fault(struct rig *rig, long kind) {
  switch (kind) {
  case 0:
    try_kill(rig, "CLIENT KILL TYPE normal SKIPME yes");
    break;
  case 1:
    try_kill(rig, "CLIENT KILL TYPE pubsub");
    break;
  case 2:
  case 3:
    relay_cut(&relay, kind == 3);
    break;
  case 4:
    relay_hold(&relay);
    break;
  case 5:
    real_kill(&rig->real, SIGKILL);
    real_start(&rig->real, NULL);
    break;
  case 6:
    link_renew(rig->link, "for a test");
    break;
  default:
    try_kill(rig, "SCRIPT FLUSH");
    break;
  }
}

static void turn_a_while(struct rig *rig, long turns) {
  for (long i = 0; i < turns; i++) {
    for (int at = 0; at < BURST; at++)
      send_order();
    uv_run(&rig->loop, UV_RUN_NOWAIT);
    if (i % 8 == 0)
      usleep(500);
  }
}

static void anything_may_happen(void **state) {
  struct rig *rig = *state;
  const char *rounds = getenv("ROUNDS"), *seed = getenv("SEED");
  unsigned start = seed ? (unsigned)atoi(seed) : (unsigned)getpid();
  print_message("SEED=%u\n", start);
  srandom(start);
  flow = (struct flow){.rig = rig};
  real_start(&rig->real, NULL);
  relay_start(&relay, &rig->loop, rig->real.port);
  rig_url(rig, relay.port);
  rig->options.probe_ms = 100;
  rig->events = &flow_events;
  rig_link(rig);
  UNTIL(rig, rig->ups == 1);
  assert_non_null(link_subscribe(rig->link, word("c"), NULL));
  UNTIL(rig, flow.subscribed);
  for (int i = rounds ? atoi(rounds) : ROUNDS; i > 0; i--) {
    turn_a_while(rig, random() % 60);
    do_fault(rig, random() % 8);
    turn_a_while(rig, random() % 60);
    UNTIL(rig, link_is_up(rig->link) && flow.subscribed);
  }
  int heard = flow.heard;
  UNTIL(rig, (send_order(), flow.heard > heard));
  UNTIL(rig, flow.answered == flow.sent);
  print_message("%d orders, %d losses\n", flow.sent, rig->downs);
}

static int stop_random(void **state) {
  relay_stop(&relay);
  rig_stop(state);
  relay_free(&relay);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(anything_may_happen, rig_start,
                                      stop_random),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
