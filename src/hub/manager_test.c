/* SPDX-License-Identifier: MIT
 * Tests of hub/manager and hub/conn.
 *
 * The long one does thousands of random things to a few connections, users
 * and rooms, notes in plain arrays what should be the case, and compares every
 * table with them after each step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "hub/fake_test.h"

#include <stdio.h>
#include <stdlib.h>

static const struct manager_limits roomy = {.queue_bytes = 1000};

static int join(struct conn *conn, const char *room) {
  return manager_join(manager_of(conn), conn, room, strlen(room));
}

static int leave(struct conn *conn, const char *room) {
  return manager_leave(manager_of(conn), conn, room, strlen(room));
}

static struct room *room_of(const struct fake *fake, const char *name) {
  return manager_room(&fake->manager, name, strlen(name));
}

static struct user *user_of(const struct fake *fake, const char *id) {
  return manager_user(&fake->manager, id, strlen(id));
}

/* --- the model ---------------------------------------------------------- */

enum { CONNS = 40, USERS = 9, ROOMS = 12, ADDRESSES = 3, STEPS = 6000 };
enum { MODEL_ROOMS_MAX = 6, MODEL_USER_MAX = 4 };

struct model_conn {
  struct conn *conn; /* NULL: this place is free */
  int user;          /* -1: has not logged in */
  int address;
  bool open, farewell, gone;
  bool rooms[ROOMS]; /* of a closing one: those it holds */
};

struct model {
  struct fake fake;
  struct model_conn conns[CONNS];
};

static const char *name_of(const char *kind, int i) {
  static char text[4][32];
  static unsigned turn;
  char *out = text[turn++ % 4];
  snprintf(out, 32, "%s%d", kind, i);
  return out;
}

static bool keeps(const struct model_conn *it) {
  return it->conn && !it->farewell;
}

static bool is_open(const struct model_conn *it) {
  return it->conn && it->open;
}

static uint32_t rooms_of(const struct model_conn *it) {
  uint32_t count = 0;
  for (int r = 0; r < ROOMS; r++)
    count += it->rooms[r];
  return count;
}

static void check_conn(struct model *model, const struct model_conn *it) {
  struct conn *conn = it->conn, *found;
  HASH_FIND(hh, model->fake.manager.by_id, &conn->id, sizeof conn->id, found);
  assert_ptr_equal(found, it->open ? conn : NULL);
  assert_int_equal(conn_is_open(conn), it->open);
  assert_int_equal(conn->room_count, keeps(it) ? rooms_of(it) : 0);
  for (uint32_t i = 0; i < conn->room_count; i++) {
    const struct membership *m = &conn->rooms[i];
    assert_true(it->rooms[atoi(m->room->name + 1)]);
    if (!it->open)
      continue;
    assert_in_range(m->place, 0, m->room->count - 1);
    assert_ptr_equal(m->room->members[m->place].conn, conn);
    assert_int_equal(m->room->members[m->place].slot, i);
  }
}

static void check_room(struct model *model, int r) {
  struct room *room = room_of(&model->fake, name_of("r", r));
  uint32_t members = 0, refs = 0;
  for (int i = 0; i < CONNS; i++) {
    const struct model_conn *it = &model->conns[i];
    if (!keeps(it))
      continue;
    members += it->open && it->rooms[r];
    refs += it->rooms[r];
    if (room)
      assert_int_equal(manager_is_member(it->conn, room),
                       it->open && it->rooms[r]);
  }
  assert_int_equal(room != NULL, refs > 0);
  if (!room)
    return;
  assert_int_equal(room->count, members);
  assert_int_equal(room->refs, refs);
  for (uint32_t i = 0; i < room->count; i++) {
    const struct member *row = &room->members[i];
    assert_ptr_equal(row->conn->rooms[row->slot].room, room);
    assert_int_equal(row->conn->rooms[row->slot].place, i);
  }
}

static void check_user(struct model *model, int u) {
  struct user *user = user_of(&model->fake, name_of("u", u));
  uint32_t count = 0, refs = 0, listed = 0;
  for (int i = 0; i < CONNS; i++) {
    const struct model_conn *it = &model->conns[i];
    if (!keeps(it) || it->user != u)
      continue;
    count += it->open;
    refs++;
    assert_ptr_equal(it->conn->user, user);
  }
  assert_int_equal(user != NULL, refs > 0);
  if (!user)
    return;
  LIST_FOREACH (it, &user->conns) {
    assert_ptr_equal(container_of(it, struct conn, user_node)->user, user);
    listed++;
  }
  assert_int_equal(listed, count);
  assert_int_equal(user->count, count);
  assert_int_equal(user->refs, refs);
}

static void check_address(struct model *model, int a) {
  struct address *address;
  const char *text = name_of("a", a);
  uint32_t count = 0;
  for (int i = 0; i < CONNS; i++)
    count += keeps(&model->conns[i]) && model->conns[i].address == a;
  HASH_FIND(hh, model->fake.manager.addresses, text, strlen(text), address);
  assert_int_equal(address ? address->count : 0, count);
}

static void check_all(struct model *model) {
  struct manager *manager = &model->fake.manager;
  uint32_t open = 0, alive = 0, listed = 0, gone = 0, closing = 0;
  for (int i = 0; i < CONNS; i++) {
    struct model_conn *it = &model->conns[i];
    if (!it->conn)
      continue;
    open += it->open;
    closing += !it->open && !it->farewell;
    alive++;
    check_conn(model, it);
  }
  LIST_FOREACH (it, &manager->conns)
    listed++;
  LIST_FOREACH (it, &manager->gone)
    gone++;
  assert_int_equal(listed, open);
  assert_int_equal(gone, closing);
  assert_int_equal(manager->count, open);
  assert_int_equal(HASH_COUNT(manager->by_id), open);
  assert_int_equal(manager->alive, alive);
  for (int r = 0; r < ROOMS; r++)
    check_room(model, r);
  for (int u = 0; u < USERS; u++)
    check_user(model, u);
  for (int a = 0; a < ADDRESSES; a++)
    check_address(model, a);
}

/* --- random steps ------------------------------------------------------- */

static void step_open(struct model *model, struct model_conn *it) {
  *it = (struct model_conn){.user = -1, .open = true};
  it->address = rand() % ADDRESSES;
  it->conn = fake_conn(&model->fake);
  assert_int_equal(
      manager_add(&model->fake.manager, it->conn, name_of("a", it->address)),
      0);
}

static void step_login(struct model *model, struct model_conn *it) {
  int user = rand() % USERS;
  uint32_t devices = 0;
  for (int i = 0; i < CONNS; i++)
    devices += is_open(&model->conns[i]) && model->conns[i].user == user;
  int err =
      manager_login(&model->fake.manager, it->conn, name_of("u", user), 0);
  assert_int_equal(err, devices < MODEL_USER_MAX ? 0 : ERR_LIMIT_EXCEEDED);
  if (!err)
    it->user = user;
}

static void step_join(struct model_conn *it) {
  int r = rand() % ROOMS, expected = 0;
  if (!it->open)
    expected = ERR_CLOSED;
  else if (it->user < 0)
    expected = ERR_UNAUTHENTICATED;
  else if (!it->rooms[r] && rooms_of(it) >= MODEL_ROOMS_MAX)
    expected = ERR_LIMIT_EXCEEDED;
  assert_int_equal(join(it->conn, name_of("r", r)), expected);
  if (!expected)
    it->rooms[r] = true;
}

static void step_leave(struct model_conn *it) {
  int r = rand() % ROOMS;
  bool member = it->open && it->rooms[r];
  assert_int_equal(leave(it->conn, name_of("r", r)),
                   member ? 0 : ERR_NOT_FOUND);
  if (member)
    it->rooms[r] = false;
}

static void step_gone(struct model_conn *it) {
  if (it->gone)
    return;
  it->open = false;
  it->gone = true;
  conn_gone(it->conn);
  if (it->farewell)
    it->conn = NULL;
}

static void step_farewell(struct model *model, struct model_conn *it) {
  if (it->open || it->farewell)
    return;
  it->farewell = true;
  manager_farewell(&model->fake.manager, it->conn);
  if (it->gone)
    it->conn = NULL;
}

static void step(struct model *model) {
  struct model_conn *it = &model->conns[rand() % CONNS];
  int what = rand() % 100;
  if (!it->conn)
    step_open(model, it);
  else if (it->open && it->user < 0 && what >= 20 && what < 70)
    step_login(model, it);
  else if (what < 50)
    step_join(it);
  else if (what < 85)
    step_leave(it);
  else if (what < 92)
    step_farewell(model, it);
  else if (what < 97)
    step_gone(it);
  else {
    conn_close(it->conn, 4004, NULL);
    it->open = false;
  }
}

static void tables_agree_whatever_happens(void **state) {
  (void)state;
  for (unsigned seed = 1; seed <= 5; seed++) {
    struct model *model = calloc(1, sizeof *model);
    struct manager_limits limits = roomy;
    limits.rooms_per_connection = MODEL_ROOMS_MAX;
    limits.per_user = MODEL_USER_MAX;
    fake_start(&model->fake, limits);
    srand(seed);
    for (int i = 0; i < STEPS; i++) {
      step(model);
      check_all(model);
      if (i % 16 == 0)
        uv_run(&model->fake.loop, UV_RUN_NOWAIT);
    }
    for (int i = 0; i < CONNS; i++)
      if (model->conns[i].conn) {
        step_gone(&model->conns[i]);
        if (model->conns[i].conn)
          step_farewell(model, &model->conns[i]);
      }
    check_all(model);
    fake_stop(&model->fake);
    free(model);
  }
}

/* --- one thing at a time ------------------------------------------------ */

static void joining_twice_is_once(void **state) {
  struct fake fake;
  (void)state;
  fake_start(&fake, roomy);
  struct conn *conn = fake_login(&fake, "alice");
  assert_int_equal(join(conn, "lobby"), 0);
  assert_int_equal(join(conn, "lobby"), 0);
  assert_int_equal(room_of(&fake, "lobby")->count, 1);
  assert_int_equal(leave(conn, "lobby"), 0);
  assert_null(room_of(&fake, "lobby"));
  assert_int_equal(leave(conn, "lobby"), ERR_NOT_FOUND);
  fake_stop(&fake);
}

static void only_who_has_logged_in_joins(void **state) {
  struct fake fake;
  (void)state;
  fake_start(&fake, roomy);
  struct conn *conn = fake_conn(&fake);
  assert_int_equal(manager_add(&fake.manager, conn, "::1"), 0);
  assert_int_equal(join(conn, "lobby"), ERR_UNAUTHENTICATED);
  assert_int_equal(manager_login(&fake.manager, conn, "alice", 0), 0);
  assert_int_equal(join(conn, "lobby"), 0);
  conn_close(conn, CLOSE_KICKED, NULL);
  assert_int_equal(join(conn, "other"), ERR_CLOSED);
  assert_int_equal(leave(conn, "lobby"), ERR_NOT_FOUND);
  assert_null(room_of(&fake, "other"));
  fake_stop(&fake);
}

static void room_names_are_compared_with_their_length(void **state) {
  struct fake fake;
  char longest[ROOM_NAME_BYTES + 1];
  (void)state;
  fake_start(&fake, roomy);
  struct conn *conn = fake_login(&fake, "alice");
  assert_int_equal(manager_join(&fake.manager, conn, "abc", 2), 0);
  assert_non_null(room_of(&fake, "ab"));
  assert_null(room_of(&fake, "abc"));
  assert_null(room_of(&fake, "a"));
  memset(longest, 'x', sizeof longest);
  assert_true(manager_room_name_ok(longest, ROOM_NAME_BYTES));
  assert_false(manager_room_name_ok(longest, ROOM_NAME_BYTES + 1));
  assert_false(manager_room_name_ok("", 0));
  assert_false(manager_room_name_ok("a\0b", 3));
  assert_false(manager_room_name_ok("a\x1f", 2));
  assert_false(manager_room_name_ok("\x7f", 1));
  assert_true(manager_room_name_ok("a room \xc3\xa9", 9));
  fake_stop(&fake);
}

static void a_user_has_many_devices(void **state) {
  struct fake fake;
  (void)state;
  fake_start(&fake, roomy);
  struct conn *phone = fake_login(&fake, "alice");
  struct conn *laptop = fake_login(&fake, "alice");
  struct user *alice = user_of(&fake, "alice");
  assert_ptr_equal(phone->user, alice);
  assert_ptr_equal(laptop->user, alice);
  assert_int_equal(alice->count, 2);
  assert_int_equal(join(phone, "lobby"), 0);
  assert_int_equal(join(laptop, "lobby"), 0);
  fake_end(phone);
  assert_ptr_equal(user_of(&fake, "alice"), alice);
  assert_int_equal(alice->count, 1);
  assert_int_equal(room_of(&fake, "lobby")->count, 1);
  assert_ptr_equal(room_of(&fake, "lobby")->members[0].conn, laptop);
  fake_end(laptop);
  assert_null(user_of(&fake, "alice"));
  assert_null(room_of(&fake, "lobby"));
  fake_stop(&fake);
}

/* A user may reconnect when the limit is full of connections that close. */
static void too_many_of_one_user(void **state) {
  struct fake fake;
  struct manager_limits limits = roomy;
  (void)state;
  limits.per_user = 2;
  fake_start(&fake, limits);
  struct conn *first = fake_login(&fake, "alice");
  fake_login(&fake, "alice");
  fake_login(&fake, "bob");
  struct conn *third = fake_conn(&fake);
  assert_int_equal(manager_add(&fake.manager, third, "::1"), 0);
  assert_int_equal(manager_login(&fake.manager, third, "alice", 0),
                   ERR_LIMIT_EXCEEDED);
  assert_int_equal(third->state, CONN_NEW);
  assert_null(third->user);
  assert_int_equal(user_of(&fake, "alice")->count, 2);
  conn_close(first, CLOSE_REPLACED, NULL);
  assert_int_equal(manager_login(&fake.manager, third, "alice", 0), 0);
  assert_int_equal(user_of(&fake, "alice")->count, 2);
  assert_int_equal(user_of(&fake, "alice")->refs, 3);
  fake_stop(&fake);
}

static int add(struct fake *fake, const char *address) {
  struct conn *conn = fake_conn(fake);
  int err = manager_add(&fake->manager, conn, address);
  if (err)
    conn_close(conn, CLOSE_CONNECTION_LIMIT, NULL);
  return err;
}

static void too_many_of_one_address(void **state) {
  struct fake fake;
  struct manager_limits limits = roomy;
  (void)state;
  limits.per_address = 2;
  fake_start(&fake, limits);
  assert_int_equal(add(&fake, "10.0.0.1"), 0);
  assert_int_equal(add(&fake, "10.0.0.1"), 0);
  assert_int_equal(add(&fake, "10.0.0.1"), ERR_LIMIT_EXCEEDED);
  assert_int_equal(add(&fake, "10.0.0.11"), 0);
  assert_int_equal(add(&fake, "10.0.0"), 0);
  LIST_FOREACH_SAFE (it, &fake.manager.gone)
    fake_end(container_of(it, struct conn, node));
  assert_int_equal(add(&fake, "10.0.0.1"), ERR_LIMIT_EXCEEDED);
  assert_int_equal(fake.manager.count, 4);
  fake_stop(&fake);
}

static void addresses_of_one_network_count_together(void **state) {
  struct fake fake;
  struct manager_limits limits = roomy;
  (void)state;
  limits.per_address = 2;
  fake_start(&fake, limits);
  assert_int_equal(add(&fake, "2001:db8::1"), 0);
  assert_int_equal(add(&fake, "2001:db8::2"), 0);
  assert_int_equal(add(&fake, "2001:db8::1"), ERR_LIMIT_EXCEEDED);
  assert_int_equal(add(&fake, "2001:db8::3"), ERR_LIMIT_EXCEEDED);
  assert_int_equal(add(&fake, "2001:db8:0:1::1"), 0);
  const struct conn *first = manager_conn(&fake.manager, 1);
  assert_string_equal(first->address->text, "2001:db8::1");
  LIST_FOREACH_SAFE (it, &fake.manager.gone)
    fake_end(container_of(it, struct conn, node));
  fake_end(manager_conn(&fake.manager, 1));
  assert_int_equal(add(&fake, "2001:db8::3"), 0);
  assert_int_equal(add(&fake, "2001:db8::4"), ERR_LIMIT_EXCEEDED);
  fake_stop(&fake);
}

static void too_many_in_all(void **state) {
  struct fake fake;
  struct manager_limits limits = roomy;
  (void)state;
  limits.connections = 2;
  fake_start(&fake, limits);
  assert_int_equal(add(&fake, "10.0.0.1"), 0);
  struct conn *conn = fake_login(&fake, "alice");
  assert_int_equal(add(&fake, "10.0.0.2"), ERR_OVERLOADED);
  conn_close(conn, 4004, NULL);
  assert_int_equal(add(&fake, "10.0.0.3"), 0);
  fake_stop(&fake);
}

/* @disconnect asks for the rooms of one that has left their tables. */
static void memberships_are_held_until_the_farewell(void **state) {
  struct fake fake;
  (void)state;
  fake_start(&fake, roomy);
  struct conn *alice = fake_login(&fake, "alice");
  struct conn *bob = fake_login(&fake, "bob");
  assert_int_equal(join(alice, "lobby"), 0);
  assert_int_equal(join(alice, "attic"), 0);
  assert_int_equal(join(bob, "lobby"), 0);
  conn_gone(alice);
  assert_int_equal(alice->room_count, 2);
  assert_string_equal(alice->rooms[0].room->name, "lobby");
  assert_string_equal(alice->rooms[1].room->name, "attic");
  assert_string_equal(conn_user_id(alice), "alice");
  assert_int_equal(room_of(&fake, "attic")->count, 0);
  assert_false(manager_is_member(alice, room_of(&fake, "lobby")));
  assert_int_equal(join(bob, "attic"), 0);
  assert_ptr_equal(alice->rooms[1].room, room_of(&fake, "attic"));
  assert_int_equal(leave(bob, "attic"), 0);
  manager_farewell(&fake.manager, alice);
  assert_null(room_of(&fake, "attic"));
  assert_null(user_of(&fake, "alice"));
  assert_int_equal(room_of(&fake, "lobby")->refs, 1);
  fake_stop(&fake);
}

/* --- the life of a connection ------------------------------------------- */

static void a_close_frame_goes_out_behind_what_waits(void **state) {
  struct fake fake;
  (void)state;
  fake_start(&fake, roomy);
  struct conn *conn = fake_login(&fake, "alice");
  struct frame *frame = frame_new(FRAME_TEXT, "hi", 2);
  assert_int_equal(conn_send(conn, frame), 0);
  assert_true(list_linked(&conn->dirty));
  conn_close(conn, CLOSE_KICKED, "go");
  conn_close(conn, CLOSE_SHUTDOWN, "again");
  assert_int_equal(conn->state, CONN_CLOSING);
  assert_int_equal(conn->out.count, 2);
  assert_ptr_equal(outq_peek(&conn->out, 0), frame);
  assert_memory_equal(outq_peek(&conn->out, 1)->data, "\x88\x04\x11\x96go", 6);
  assert_int_equal(conn->close_code, CLOSE_KICKED);
  assert_string_equal(conn_close_reason(conn), "go");
  assert_int_equal(conn_send(conn, frame), ERR_CLOSED);
  assert_int_equal(conn->out.count, 2);
  frame_unref(frame);
  fake_stop(&fake);
}

static void a_close_asks_for_a_flush_when_nothing_waits(void **state) {
  struct fake fake;
  (void)state;
  fake_start(&fake, roomy);
  struct conn *conn = fake_login(&fake, "alice");
  conn_close(conn, CLOSE_SHUTDOWN, NULL);
  assert_true(list_linked(&conn->dirty));
  assert_memory_equal(outq_peek(&conn->out, 0)->data + 4, "shutdown", 8);
  fake_stop(&fake);
}

/* Whichever of socket and farewell ends first, the other still finds it. */
static void is_freed_after_socket_and_farewell(void **state) {
  struct fake fake;
  (void)state;
  fake_start(&fake, roomy);
  struct conn *one = fake_login(&fake, "alice");
  struct conn *other = fake_login(&fake, "alice");
  conn_close(one, 4004, NULL);
  manager_farewell(&fake.manager, one);
  uv_run(&fake.loop, UV_RUN_NOWAIT);
  assert_int_equal(one->state, CONN_CLOSING);
  assert_int_equal(fake.manager.alive, 2);
  conn_gone(one);
  assert_int_equal(fake.manager.alive, 1);
  conn_peer_closes(other, 4321);
  conn_gone(other);
  uv_run(&fake.loop, UV_RUN_NOWAIT);
  assert_true(other->peer_closed);
  assert_int_equal(other->close_code, 4321);
  assert_string_equal(conn_close_reason(other), "closed");
  manager_farewell(&fake.manager, other);
  assert_int_equal(fake.manager.alive, 0);
  fake_stop(&fake);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tables_agree_whatever_happens),
      cmocka_unit_test(joining_twice_is_once),
      cmocka_unit_test(only_who_has_logged_in_joins),
      cmocka_unit_test(room_names_are_compared_with_their_length),
      cmocka_unit_test(a_user_has_many_devices),
      cmocka_unit_test(too_many_of_one_user),
      cmocka_unit_test(too_many_of_one_address),
      cmocka_unit_test(addresses_of_one_network_count_together),
      cmocka_unit_test(too_many_in_all),
      cmocka_unit_test(memberships_are_held_until_the_farewell),
      cmocka_unit_test(a_close_frame_goes_out_behind_what_waits),
      cmocka_unit_test(a_close_asks_for_a_flush_when_nothing_waits),
      cmocka_unit_test(is_freed_after_socket_and_farewell),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
