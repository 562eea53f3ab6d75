/* SPDX-License-Identifier: MIT
 * An engine/memory with two workers that turn by hand, for its tests. */
#ifndef ENGINE_MEMORY_FIXTURE_TEST_H
#define ENGINE_MEMORY_FIXTURE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "engine/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKERS = 2, MB = 1024 * 1024 };

struct port {
  uv_loop_t loop;
  struct turn turn;
  uint64_t seqs[64]; /* of the letters that came; 0: BUS_ERA, BUS_BEHIND */
  enum bus_what whats[64];
  uint64_t eras[64];
  int count;
};

struct fixture {
  struct bus *bus;
  struct engine *engine;
  struct port ports[WORKERS];
};

static const struct rule log_rule = {
    .numbered = true, .messages = 5, .bytes = 10000};

static inline void note(void *arg, const struct bus_letter *letter) {
  struct port *port = arg;
  assert_in_range(port->count, 0, 63);
  port->whats[port->count] = letter->what;
  port->eras[port->count] = letter->era;
  port->seqs[port->count++] = letter->seq;
}

static inline void start(struct fixture *fixture, size_t port_bytes,
                         size_t max_bytes) {
  *fixture = (struct fixture){.bus = bus_new(WORKERS, port_bytes)};
  fixture->engine = memory_new(fixture->bus, WORKERS, max_bytes);
  for (int i = 0; i < WORKERS; i++) {
    struct port *port = &fixture->ports[i];
    uv_loop_init(&port->loop);
    turn_init(&port->turn, &port->loop);
    bus_open(fixture->bus, i, &port->loop, note, port);
    engine_attach(fixture->engine, i, &port->turn);
  }
}

static inline void stop(struct fixture *fixture) {
  for (int i = 0; i < WORKERS; i++) {
    bus_close(fixture->bus, i);
    turn_close(&fixture->ports[i].turn);
    uv_run(&fixture->ports[i].loop, UV_RUN_DEFAULT);
  }
  engine_free(fixture->engine);
  bus_free(fixture->bus);
  for (int i = 0; i < WORKERS; i++)
    assert_int_equal(uv_loop_close(&fixture->ports[i].loop), 0);
}

/* Has the worker receive its letters, and be answered. */
static inline void turn_loop(struct fixture *fixture, int worker) {
  for (int i = 0; i < 4; i++)
    uv_run(&fixture->ports[worker].loop, UV_RUN_NOWAIT);
}

static inline struct engine_position enter(struct fixture *fixture, int worker,
                                           const char *room,
                                           const struct rule *rule) {
  return engine_enter(fixture->engine, worker, room, strlen(room), rule);
}

static inline void leave(struct fixture *fixture, int worker,
                         const char *room) {
  engine_exit(fixture->engine, worker, room, strlen(room));
}

/* Publishes; `more` has what differs. Drops the frame that is to be delivered
 * here, and returns the rest of the result. */
static inline struct engine_result
publish_more(struct fixture *fixture, const char *room, const struct rule *rule,
             const char *text, struct engine_publication more) {
  struct engine_result result;
  more.room = room;
  more.room_len = strlen(room);
  more.rule = rule;
  more.text = text;
  more.len = strlen(text);
  more.number_at = more.len - 1;
  more.key_len = more.key ? strlen(more.key) : 0;
  more.id_len = more.id ? strlen(more.id) : 0;
  engine_publish(fixture->engine, &more, &result);
  assert_int_equal(result.err, 0);
  if (result.frame)
    frame_unref(result.frame);
  return result;
}

static inline uint64_t publish(struct fixture *fixture, const char *room,
                               const struct rule *rule, const char *text) {
  return publish_more(fixture, room, rule, text,
                      (struct engine_publication){.worker = -1})
      .at.seq;
}

/* What a read found, as a text: "3:hello 4:you". */
struct found {
  char text[1024];
  bool done, recovered, more;
  struct engine_position now;
};

static inline void collect(void *arg, const struct engine_answer *answer) {
  struct found *found = arg;
  size_t len = 0;
  found->done = true;
  found->recovered = answer->recovered;
  found->more = answer->more;
  found->now = answer->now;
  for (uint32_t i = 0; i < answer->count; i++) {
    const struct engine_message *message = &answer->messages[i];
    size_t payload_len;
    const unsigned char *payload = frame_payload(message->frame, &payload_len);
    /* {"a":"hello","seq":3} */
    const char *value = (const char *)payload + 6;
    int value_len = (int)(strchr(value, '"') - value);
    len += (size_t)snprintf(found->text + len, sizeof found->text - len,
                            "%s%d:%.*s", i ? " " : "", (int)message->seq,
                            value_len, value);
  }
}

static inline struct found read_room(struct fixture *fixture, const char *room,
                                     const struct rule *rule,
                                     struct engine_query query) {
  struct found found = {.text = ""};
  query.room = room;
  query.room_len = strlen(room);
  query.rule = rule;
  if (query.limit == 0)
    query.limit = 100;
  assert_non_null(engine_read(fixture->engine, 0, &query, collect, &found));
  assert_false(found.done);
  turn_loop(fixture, 0);
  assert_true(found.done);
  return found;
}

static inline struct found read_last(struct fixture *fixture, const char *room,
                                     const struct rule *rule) {
  return read_room(fixture, room, rule,
                   (struct engine_query){.range = ENGINE_LAST});
}

static inline struct found read_since(struct fixture *fixture, const char *room,
                                      const struct rule *rule, uint64_t era,
                                      uint64_t seq) {
  struct engine_query query = {.range = ENGINE_SINCE, .after = seq};
  engine_epoch(fixture->engine, era, query.epoch);
  return read_room(fixture, room, rule, query);
}

#endif
