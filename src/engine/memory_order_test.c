/* SPDX-License-Identifier: MIT
 * Several threads publish to the same rooms through engine/memory, and enter
 * and leave them meanwhile: each of them must see the numbers of a room in
 * order, without a gap and without a repeat, from where it has entered; and all
 * must see the same message at the same number. */
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

enum { THREADS = 4, ROOMS = 3, ROUNDS = 3000, SEQS = THREADS * ROUNDS + 1 };

static const struct rule order_rule = {
    .numbered = true, .messages = 1000, .bytes = 1 << 20};

static const char *const names[ROOMS] = {"one", "two", "three"};

struct member_room {
  bool is_in;
  struct engine_position at; /* what was delivered last */
  uint32_t repairs;          /* reads that are under way */
};

struct party {
  int worker;
  uv_loop_t loop;
  struct turn turn;
  uv_idle_t work;
  uv_thread_t thread;
  struct engine *engine;
  struct bus *bus;
  unsigned random;
  int rounds;
  struct member_room rooms[ROOMS];
  uint64_t seen, direct, lost, repaired;
  /* By room and number: the message that came with it; 0: none. */
  uint32_t *messages[ROOMS];
};

static _Atomic int working;

static unsigned next_random(struct party *party) {
  party->random = party->random * 1103515245 + 12345;
  return party->random >> 16;
}

static int room_index(const char *name) {
  int i = 0;
  while (i < ROOMS - 1 && strcmp(names[i], name) != 0)
    i++;
  return i;
}

/* {"n":123,"seq":…} */
static uint32_t message_number(const struct frame *frame) {
  size_t len;
  const unsigned char *payload = frame_payload(frame, &len);
  return (uint32_t)strtoul((const char *)payload + 5, NULL, 10);
}

static void check(bool ok, const char *what) {
  if (ok)
    return;
  fprintf(stderr, "order: %s\n", what);
  abort();
}

static void deliver(struct party *party, int i, struct frame *frame,
                    struct engine_position at) {
  struct member_room *room = &party->rooms[i];
  check(at.era == room->at.era, "the era has changed");
  check(at.seq == room->at.seq + 1, "a gap");
  check(party->messages[i][at.seq] == 0, "a number comes twice");
  party->messages[i][at.seq] = message_number(frame);
  room->at = at;
  party->seen++;
}

/* --- repairing ------------------------------------------------------------ */

struct repair {
  struct party *party;
  int room;
};

static void begin_repair(struct party *party, int i);

static void on_repaired(void *arg, const struct engine_answer *answer) {
  struct repair repair = *(struct repair *)arg;
  struct party *party = repair.party;
  struct member_room *room = &party->rooms[repair.room];
  mem_free(arg);
  room->repairs--;
  if (!room->is_in)
    return;
  if (!answer->recovered) { /* more than is kept */
    party->lost += answer->now.seq - room->at.seq;
    room->at = answer->now;
    return;
  }
  for (uint32_t n = 0; n < answer->count; n++) {
    struct engine_position at = {answer->now.era, answer->messages[n].seq};
    deliver(party, repair.room, answer->messages[n].frame, at);
    party->repaired++;
  }
  if (answer->more)
    begin_repair(party, repair.room);
}

static void begin_repair(struct party *party, int i) {
  struct member_room *room = &party->rooms[i];
  struct repair *repair = mem_alloc(sizeof *repair);
  struct engine_query query = {.room = names[i],
                               .room_len = strlen(names[i]),
                               .rule = &order_rule,
                               .range = ENGINE_SINCE,
                               .after = room->at.seq,
                               .limit = 7,
                               .repairs = true};
  *repair = (struct repair){party, i};
  room->repairs++;
  engine_epoch(party->engine, room->at.era, query.epoch);
  check(engine_read(party->engine, party->worker, &query, on_repaired, repair),
        "no read");
}

static void on_letter(void *arg, const struct bus_letter *letter) {
  struct party *party = arg;
  int i = room_index(letter->target);
  struct member_room *room = &party->rooms[i];
  struct engine_position at = {letter->era, letter->seq};
  if (!room->is_in)
    return; /* it has left meanwhile */
  if (letter->what == BUS_BEHIND) {
    if (at.seq >= room->at.seq && room->repairs == 0)
      begin_repair(party, i);
  } else if (at.seq > room->at.seq) { /* else of an earlier stay */
    deliver(party, i, letter->frame, at);
  }
}

/* --- work ----------------------------------------------------------------- */

static void publish_one(struct party *party, int i) {
  struct member_room *room = &party->rooms[i];
  struct engine_result result;
  char text[64];
  int number = party->worker * ROUNDS + party->rounds + 1;
  int len = snprintf(text, sizeof text, "{\"n\":%d}", number);
  struct engine_publication publication = {.room = names[i],
                                           .room_len = strlen(names[i]),
                                           .rule = &order_rule,
                                           .text = text,
                                           .len = (size_t)len,
                                           .number_at = (size_t)len - 1,
                                           .worker = party->worker,
                                           .is_in = room->is_in,
                                           .delivered = room->at};
  engine_publish(party->engine, &publication, &result);
  check(!result.err, "not published");
  if (!result.frame)
    return;
  party->direct++;
  deliver(party, i, result.frame, result.at);
  frame_unref(result.frame);
}

static void enter_or_leave(struct party *party, int i) {
  struct member_room *room = &party->rooms[i];
  size_t len = strlen(names[i]);
  if (room->repairs > 0)
    return;
  if (room->is_in)
    engine_exit(party->engine, party->worker, names[i], len);
  else
    room->at =
        engine_enter(party->engine, party->worker, names[i], len, &order_rule);
  room->is_in = !room->is_in;
}

static void end_party(struct party *party) {
  uv_idle_stop(&party->work);
  uv_close((uv_handle_t *)&party->work, NULL);
  bus_close(party->bus, party->worker);
  turn_close(&party->turn);
}

/* Does a little, and lets letters be received. Others may still post to one
 * who has done his part. */
static void on_work(uv_idle_t *work) {
  struct party *party = container_of(work, struct party, work);
  for (int n = 0; n < 4 && party->rounds < ROUNDS; n++) {
    publish_one(party, (int)(next_random(party) % ROOMS));
    party->rounds++;
    if (next_random(party) % 50 == 0)
      enter_or_leave(party, (int)(next_random(party) % ROOMS));
    if (party->rounds == ROUNDS)
      atomic_fetch_sub(&working, 1);
  }
  if (atomic_load(&working) == 0)
    end_party(party);
}

static void run_party(void *arg) {
  struct party *party = arg;
  uv_run(&party->loop, UV_RUN_DEFAULT);
}

static void start_party(struct party *party, int worker, struct engine *engine,
                        struct bus *bus) {
  *party = (struct party){.worker = worker,
                          .engine = engine,
                          .bus = bus,
                          .random = (unsigned)worker * 7919 + 1};
  for (int i = 0; i < ROOMS; i++)
    party->messages[i] = mem_alloc(SEQS * sizeof(uint32_t));
  uv_loop_init(&party->loop);
  turn_init(&party->turn, &party->loop);
  uv_idle_init(&party->loop, &party->work);
  uv_idle_start(&party->work, on_work);
  bus_open(bus, worker, &party->loop, on_letter, party);
  engine_attach(engine, worker, &party->turn);
  for (int i = 0; i < ROOMS; i++)
    enter_or_leave(party, i);
}

/* All who have seen a number have seen the same message. */
static void compare_parties(struct party parties[THREADS]) {
  for (int i = 0; i < ROOMS; i++)
    for (int seq = 1; seq < SEQS; seq++) {
      uint32_t message = 0;
      for (int p = 0; p < THREADS; p++) {
        uint32_t seen = parties[p].messages[i][seq];
        if (seen && message)
          assert_int_equal(seen, message);
        if (seen)
          message = seen;
      }
    }
}

/* `port_bytes` 0: nobody is ever too far behind. */
static void run_all(size_t port_bytes, bool expect_repairs) {
  static struct party parties[THREADS];
  struct bus *bus = bus_new(THREADS, port_bytes);
  struct engine *engine = memory_new(bus, THREADS, 1 << 24);
  uint64_t seen = 0, direct = 0, lost = 0, repaired = 0;
  atomic_store(&working, THREADS);
  for (int i = 0; i < THREADS; i++)
    start_party(&parties[i], i, engine, bus);
  for (int i = 0; i < THREADS; i++)
    uv_thread_create(&parties[i].thread, run_party, &parties[i]);
  for (int i = 0; i < THREADS; i++)
    uv_thread_join(&parties[i].thread);
  compare_parties(parties);
  for (int i = 0; i < THREADS; i++) {
    seen += parties[i].seen;
    direct += parties[i].direct;
    lost += parties[i].lost;
    repaired += parties[i].repaired;
    for (int r = 0; r < ROOMS; r++)
      mem_free(parties[i].messages[r]);
  }
  printf("seen=%llu at once=%llu repaired=%llu lost=%llu\n",
         (unsigned long long)seen, (unsigned long long)direct,
         (unsigned long long)repaired, (unsigned long long)lost);
  assert_int_equal(engine_stats(engine).published, THREADS * ROUNDS);
  assert_true(seen > ROUNDS);
  if (expect_repairs)
    assert_true(repaired + lost > 0);
  else
    assert_int_equal(repaired + lost, 0);
  engine_free(engine);
  bus_free(bus);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(uv_loop_close(&parties[i].loop), 0);
}

static void test_all_see_one_order(void **state) {
  (void)state;
  run_all(0, false);
}

static void test_who_is_too_far_behind_reads_what_it_missed(void **state) {
  (void)state;
  run_all(150, true);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_all_see_one_order),
      cmocka_unit_test(test_who_is_too_far_behind_reads_what_it_missed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
