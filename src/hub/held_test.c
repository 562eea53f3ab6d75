/* SPDX-License-Identifier: MIT
 * Tests of hub/held: what members that are held get, and when.
 *
 * The long one does thousands of random things to a few members of a room and
 * sends numbered messages meanwhile. Whoever is a member all the time must have
 * got each number once, in order, however often it was held. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hub/fake_test.h"
#include "hub/held.h"

#include <stdio.h>
#include <stdlib.h>

static const struct delivery_opts to_all = {0};
static const struct manager_limits roomy = {.queue_bytes = 1000};
static unsigned ends; /* how many holds have ended */

static void note_end(struct held *held) {
  assert_false(list_linked(&held->in_room));
  assert_false(list_linked(&held->in_conn));
  ends++;
}

static void free_held(struct held *held) {
  ends++;
  mem_free(held);
}

static struct room *lobby_of(const struct fake *fake) {
  return manager_room(&fake->manager, "lobby", 5);
}

static struct conn *enter(struct fake *fake, const char *user) {
  struct conn *conn = fake_login(fake, user);
  assert_int_equal(manager_join(&fake->manager, conn, "lobby", 5), 0);
  return conn;
}

static void hold(struct held *held, struct conn *conn) {
  *held = (struct held){.ended = note_end};
  held_begin(held, conn,
             lobby_of(container_of(manager_of(conn), struct fake, manager)));
}

/* A message whose text is its number. */
static struct frame *numbered(uint64_t seq) {
  char text[32];
  int len = snprintf(text, sizeof text, "%06llu", (unsigned long long)seq);
  return frame_new(FRAME_TEXT, text, (size_t)len);
}

/* What hub/publish does with a message that has a number. */
static uint32_t say(struct fake *fake, uint64_t seq) {
  struct frame *frame = numbered(seq);
  struct room *room = lobby_of(fake);
  struct engine_position at = {1, seq};
  uint32_t sent = 0;
  for (uint32_t i = room->live; i > 0; i--)
    sent += delivery_to_conn(room->members[i - 1].conn, frame, &to_all);
  room->at = at;
  sent += held_deliver(room, frame, at, to_all);
  frame_unref(frame);
  return sent;
}

static uint32_t whisper(struct fake *fake, struct delivery_opts opts) {
  struct frame *frame = frame_new(FRAME_TEXT, "psst", 4);
  uint32_t sent = delivery_to_room(&fake->manager, "lobby", 5, frame, opts);
  frame_unref(frame);
  return sent;
}

static void what_waits_is_kept_in_order(void **state) {
  struct fake fake;
  struct held held;
  struct held_message message;
  (void)state;
  fake_start(&fake, roomy);
  struct conn *alice = enter(&fake, "alice"), *bob = enter(&fake, "bob");
  hold(&held, bob);
  assert_ptr_equal(held_find(bob, lobby_of(&fake)), &held);
  assert_null(held_find(alice, lobby_of(&fake)));
  assert_int_equal(say(&fake, 7), 2);
  assert_int_equal(whisper(&fake, to_all), 2);
  assert_int_equal(whisper(&fake, (struct delivery_opts){.except = bob->id}),
                   1);
  assert_int_equal(alice->out.count, 3);
  assert_int_equal(bob->out.count, 0);
  assert_true(held_shift(&held, &message));
  assert_int_equal(message.at.seq, 7);
  assert_memory_equal(message.frame->data + 2, "000007", 6);
  frame_unref(message.frame);
  assert_true(held_shift(&held, &message));
  assert_int_equal(message.at.era, 0);
  frame_unref(message.frame);
  assert_false(held_shift(&held, &message));
  fake_stop(&fake);
}

static void who_is_held_is_a_member(void **state) {
  struct fake fake;
  struct held held;
  (void)state;
  fake_start(&fake, roomy);
  struct conn *alice = enter(&fake, "alice"), *bob = enter(&fake, "bob");
  struct room *lobby = lobby_of(&fake);
  hold(&held, alice);
  assert_true(manager_is_member(alice, lobby));
  assert_int_equal(lobby->count, 2);
  assert_int_equal(lobby->live, 1);
  assert_int_equal(manager_room_users(&fake.manager, lobby), 2);
  ends = 0;
  held_end(&held);
  assert_int_equal(ends, 1);
  assert_int_equal(lobby->live, 2);
  assert_int_equal(say(&fake, 1), 2);
  assert_int_equal(alice->out.count, 1);
  hold(&held, bob);
  assert_int_equal(manager_leave(&fake.manager, bob, "lobby", 5), 0);
  assert_int_equal(ends, 2);
  hold(&held, alice);
  say(&fake, 2); /* waits, and is freed with it */
  conn_close(alice, CLOSE_KICKED, NULL);
  assert_int_equal(ends, 3);
  assert_int_equal(lobby->count, 0);
  assert_int_equal(lobby->live, 0);
  fake_stop(&fake);
}

static void nothing_up_to_the_floor_comes(void **state) {
  struct fake fake;
  struct held held;
  (void)state;
  fake_start(&fake, roomy);
  struct conn *bob = enter(&fake, "bob");
  hold(&held, bob);
  say(&fake, 3);
  held_clear(&held);
  held.floor = (struct engine_position){1, 5};
  ends = 0;
  held_open(&held);
  assert_int_equal(ends, 0);
  assert_int_equal(say(&fake, 4), 0);
  assert_int_equal(whisper(&fake, to_all), 1);
  assert_int_equal(bob->out.count, 1);
  assert_int_equal(say(&fake, 5), 0);
  assert_int_equal(ends, 1);
  assert_int_equal(say(&fake, 6), 1);
  assert_int_equal(bob->out.count, 2);
  hold(&held, bob);
  held.floor = lobby_of(&fake)->at;
  held_open(&held);
  assert_int_equal(ends, 2);
  hold(&held, bob); /* one that was never to be seen again */
  held.floor = (struct engine_position){1, 8};
  held_open(&held);
  assert_int_equal(say(&fake, 9), 1);
  assert_int_equal(ends, 3);
  fake_stop(&fake);
}

static void what_waits_is_bounded(void **state) {
  struct fake fake;
  struct held held;
  struct held_message message;
  (void)state;
  fake_start(&fake, (struct manager_limits){.queue_bytes = 20});
  struct conn *bob = enter(&fake, "bob");
  hold(&held, bob);
  for (uint64_t seq = 1; seq <= 5; seq++)
    assert_int_equal(say(&fake, seq), 1);
  assert_int_equal(held.count, 2);
  assert_true(held.missed);
  assert_int_equal(whisper(&fake, (struct delivery_opts){.drop = true}), 0);
  assert_true(conn_is_open(bob));
  assert_true(held_shift(&held, &message));
  frame_unref(message.frame);
  assert_int_equal(say(&fake, 6), 1); /* behind what is missed: read again */
  assert_int_equal(held.count, 1);
  assert_int_equal(whisper(&fake, to_all), 1);
  assert_int_equal(whisper(&fake, to_all), 1);
  ends = 0;
  assert_int_equal(whisper(&fake, to_all), 0);
  assert_false(conn_is_open(bob));
  assert_int_equal(bob->close_code, CLOSE_SLOW_CONSUMER);
  assert_int_equal(fake.stats.slow_consumers, 1);
  assert_int_equal(ends, 1);
  fake_stop(&fake);
}

static void all_holds_of_a_connection_have_one_bound(void **state) {
  struct fake fake;
  struct held here, there;
  struct held_message message;
  (void)state;
  fake_start(&fake, (struct manager_limits){.queue_bytes = 20});
  struct conn *bob = enter(&fake, "bob");
  assert_int_equal(manager_join(&fake.manager, bob, "attic", 5), 0);
  there = (struct held){.ended = note_end};
  held_begin(&there, bob, manager_room(&fake.manager, "attic", 5));
  hold(&here, bob);
  say(&fake, 1);
  say(&fake, 2);
  assert_int_equal(here.count, 2);
  struct frame *frame = numbered(1);
  held_deliver(there.room, frame, (struct engine_position){1, 1}, to_all);
  assert_int_equal(there.count, 0);
  assert_true(there.missed);
  assert_true(held_shift(&here, &message));
  frame_unref(message.frame);
  there.missed = false;
  held_deliver(there.room, frame, (struct engine_position){1, 2}, to_all);
  frame_unref(frame);
  assert_int_equal(there.count, 1);
  held_end(&there);
  held_end(&here);
  assert_int_equal(bob->held_bytes, 0);
  fake_stop(&fake);
}

/* --- random ----------------------------------------------------------------
 */

enum { CROWD = 12, STEPS = 20000 };

struct guest {
  struct conn *conn;
  uint64_t next; /* the number that must come next */
};

/* Everything that came is what was to come. */
static void check_guest(struct guest *guest) {
  const struct frame *frame;
  for (uint32_t i = 0; (frame = outq_peek(&guest->conn->out, i)); i++) {
    char text[7] = {0};
    memcpy(text, frame->data + 2, 6);
    assert_int_equal(atoi(text), guest->next);
    guest->next++;
  }
  fake_flush(guest->conn);
}

static void check_table(struct room *room) {
  uint32_t held = 0;
  LIST_FOREACH (it, &room->held)
    held++;
  assert_int_equal(room->count - room->live, held);
  for (uint32_t i = 0; i < room->count; i++) {
    const struct member *row = &room->members[i];
    assert_int_equal(row->conn->rooms[row->slot].place, i);
    assert_ptr_equal(row->conn->rooms[row->slot].room, room);
    assert_int_equal(held_find(row->conn, room) != NULL, i >= room->live);
  }
}

static void hold_guest(struct guest *guest, struct room *room) {
  struct held *held = mem_alloc(sizeof *held);
  held->ended = free_held;
  held_begin(held, guest->conn, room);
}

/* Sends what waits, and sometimes lets the floor do the rest. */
static void release_guest(struct held *held) {
  struct held_message message;
  while (held_shift(held, &message)) {
    assert_int_equal(conn_send(held->conn, message.frame), 0);
    frame_unref(message.frame);
  }
  if (rand() % 2)
    held_end(held);
  else
    held_open(held);
}

static void come_or_go(struct fake *fake, struct guest *guest, uint64_t last) {
  if (guest->conn && rand() % 2) {
    conn_close(guest->conn, CLOSE_KICKED, NULL);
    outq_clear(&guest->conn->out);
    list_remove(&guest->conn->dirty);
    guest->conn = NULL;
  } else if (guest->conn) {
    assert_int_equal(manager_leave(&fake->manager, guest->conn, "lobby", 5), 0);
    assert_int_equal(manager_join(&fake->manager, guest->conn, "lobby", 5), 0);
  } else {
    *guest = (struct guest){enter(fake, "guest"), last + 1};
  }
  if (guest->conn)
    guest->next = last + 1;
}

static void step(struct fake *fake, struct guest *guest, uint64_t *last) {
  int what = rand() % 100;
  struct room *room = lobby_of(fake);
  struct held *held = guest->conn ? held_find(guest->conn, room) : NULL;
  if (what < 60)
    say(fake, ++*last);
  else if (what < 66 || !guest->conn)
    come_or_go(fake, guest, *last);
  else if (!held)
    hold_guest(guest, room);
  else
    release_guest(held);
}

static void each_number_comes_once_in_order(void **state) {
  (void)state;
  for (unsigned seed = 1; seed <= 3; seed++) {
    struct fake fake;
    struct guest crowd[CROWD] = {0};
    uint64_t last = 0;
    fake_start(&fake, (struct manager_limits){.queue_bytes = 1 << 20});
    enter(&fake, "host"); /* the room is there all the time */
    srand(seed);
    for (int i = 0; i < STEPS; i++) {
      step(&fake, &crowd[rand() % CROWD], &last);
      check_table(lobby_of(&fake));
      for (int g = 0; g < CROWD; g++)
        if (crowd[g].conn)
          check_guest(&crowd[g]);
      LIST_FOREACH_SAFE (it, &fake.manager.gone)
        fake_end(container_of(it, struct conn, node));
      fake_flush(lobby_of(&fake)->members[0].conn);
    }
    fake_stop(&fake);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_waits_is_kept_in_order),
      cmocka_unit_test(who_is_held_is_a_member),
      cmocka_unit_test(nothing_up_to_the_floor_comes),
      cmocka_unit_test(what_waits_is_bounded),
      cmocka_unit_test(all_holds_of_a_connection_have_one_bound),
      cmocka_unit_test(each_number_comes_once_in_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
