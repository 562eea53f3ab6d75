/* SPDX-License-Identifier: MIT
 * Tests of engine/presence: who is there, and what members are told of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/presence.h"

#include <stdio.h>
#include <string.h>

enum { EVERY_MS = 100 };

#define NOTHING "(nothing)"

/* The message that is due at `now_ms`; in one room there is at most one. */
static const char *told(struct presence *presence, uint64_t now_ms) {
  static char text[4096];
  struct presence_message message;
  size_t len;
  strcpy(text, NOTHING);
  while (presence_work(presence, 0, now_ms, &message)) {
    if (!message.frame)
      continue;
    const unsigned char *payload = frame_payload(message.frame, &len);
    assert_string_equal(text, NOTHING);
    assert_string_equal(message.room, "r");
    assert_true(len < sizeof text);
    memcpy(text, payload, len);
    text[len] = 0;
    frame_unref(message.frame);
  }
  return text;
}

/* The same message with these members of `data`. */
#define MESSAGE(data)                                                          \
  "{\"type\":\"presence\",\"room\":\"r\",\"data\":{" data "}}"
#define USERS(joined, left, changed)                                           \
  MESSAGE("\"joined\":[" joined "],\"left\":[" left "],\"changed\":[" changed  \
          "]")
#define USER(id, devices) "{\"user\":\"" id "\",\"devices\":" #devices "}"
#define USER_INFO(id, devices, info)                                           \
  "{\"user\":\"" id "\",\"devices\":" #devices ",\"info\":" info "}"

static struct presence *start(uint32_t list_max) {
  struct presence *presence = presence_new(NULL);
  presence_configure(presence, (struct presence_options){EVERY_MS, list_max});
  return presence;
}

static struct presence_member member(enum rule_presence how, const char *user,
                                     uint64_t conn) {
  return (struct presence_member){
      .room = "r", .how = how, .conn = conn, .user = user};
}

static void enter(struct presence *presence, const char *user, uint64_t conn,
                  uint64_t now_ms) {
  struct presence_member it = member(RULE_PRESENCE, user, conn);
  presence_enter(presence, &it, now_ms);
}

static void leave(struct presence *presence, const char *user, uint64_t conn,
                  uint64_t grace_ms, uint64_t now_ms) {
  struct presence_member it = member(RULE_PRESENCE, user, conn);
  presence_leave(presence, &it, grace_ms, now_ms);
}

static void say(struct presence *presence, const char *user, uint64_t conn,
                const char *json, uint64_t now_ms) {
  struct presence_member it = member(RULE_PRESENCE, user, conn);
  if (json)
    it.info = presence_info_new(json, strlen(json));
  presence_tell(presence, &it, now_ms);
  presence_info_unref(it.info);
}

/* The list without `since`. */
static const char *listed(struct presence *presence) {
  static char text[4096];
  struct buf out = {0};
  size_t n = 0;
  presence_put_list(presence, "r", &out);
  buf_putc(&out, 0);
  for (const char *at = out.data; *at; at++) {
    if (strncmp(at, ",\"since\":", 9) == 0)
      for (at += 9; *at >= '0' && *at <= '9';)
        at++;
    text[n++] = *at;
  }
  text[n] = 0;
  buf_free(&out);
  return text;
}

static void assert_is_empty(struct presence *presence) {
  struct presence_stats stats = presence_stats(presence);
  assert_int_equal(stats.rooms, 0);
  assert_int_equal(stats.users, 0);
  presence_free(presence);
}

/* --- gathered ----------------------------------------------------------- */

static void changes_are_gathered(void **state) {
  struct presence *presence = start(200);
  (void)state;
  enter(presence, "alice", 1, 1000);
  assert_int_equal(presence_due(presence, 0), 1000 + EVERY_MS);
  enter(presence, "bob", 2, 1050);
  enter(presence, "bob", 3, 1060);
  assert_string_equal(told(presence, 1099), NOTHING);
  assert_string_equal(told(presence, 1100),
                      USERS(USER("alice", 1) "," USER("bob", 2), "", ""));
  assert_int_equal(presence_due(presence, 0), 0);
  leave(presence, "bob", 3, 0, 2000);
  leave(presence, "alice", 1, 0, 2001);
  assert_string_equal(told(presence, 2100),
                      USERS("", "\"alice\"", USER("bob", 1)));
  leave(presence, "bob", 2, 0, 3000);
  assert_string_equal(told(presence, 3100), NOTHING); /* nobody is there */
  assert_is_empty(presence);
}

static void what_came_to_nothing_is_left_out(void **state) {
  struct presence *presence = start(200);
  (void)state;
  enter(presence, "alice", 1, 0);
  enter(presence, "bob", 2, 0);
  told(presence, 100);
  enter(presence, "carol", 3, 1000);
  leave(presence, "carol", 3, 0, 1010);
  leave(presence, "bob", 2, 0, 1020);
  enter(presence, "bob", 4, 1030);
  enter(presence, "alice", 5, 1040);
  leave(presence, "alice", 1, 0, 1050);
  assert_string_equal(told(presence, 1100), NOTHING);
  assert_int_equal(presence_stats(presence).cancelled, 3);
  assert_int_equal(presence_stats(presence).messages, 1);
  presence_free(presence);
}

static void a_user_without_a_name_is_told_only(void **state) {
  struct presence *presence = start(200);
  (void)state;
  enter(presence, NULL, 1, 0);
  assert_int_equal(presence_due(presence, 0), 0);
  assert_string_equal(listed(presence), "\"presence\":[]");
  enter(presence, "alice", 2, 0);
  leave(presence, "alice", 2, 0, 200);
  assert_string_equal(told(presence, 200), NOTHING);
  leave(presence, NULL, 1, 0, 300);
  assert_is_empty(presence);
}

/* --- lists -------------------------------------------------------------- */

static void who_comes_gets_the_list_and_what_follows(void **state) {
  struct presence *presence = start(200);
  (void)state;
  enter(presence, "alice", 1, 0);
  told(presence, 100);
  enter(presence, "bob", 2, 1000);
  enter(presence, "carol", 3, 1010);
  assert_string_equal(listed(presence),
                      "\"presence\":[" USER("alice", 1) "," USER(
                          "bob", 1) "," USER("carol", 1) "]");
  /* Carol was shown bob; so she must hear that he is gone. */
  leave(presence, "bob", 2, 0, 1020);
  assert_string_equal(told(presence, 1100),
                      USERS(USER("carol", 1), "\"bob\"", ""));
  /* Dave was not shown alice, who is back by then. */
  leave(presence, "alice", 1, 0, 2000);
  enter(presence, "dave", 4, 2010);
  assert_string_equal(
      listed(presence),
      "\"presence\":[" USER("carol", 1) "," USER("dave", 1) "]");
  enter(presence, "alice", 5, 2020);
  assert_string_equal(told(presence, 2100),
                      USERS(USER("dave", 1), "", USER("alice", 1)));
  presence_free(presence);
}

static void who_is_listed_as_he_was_told_needs_no_word(void **state) {
  struct presence *presence = start(200);
  (void)state;
  enter(presence, "alice", 1, 0);
  enter(presence, "bob", 2, 0);
  told(presence, 100);
  leave(presence, "bob", 2, 60000, 1000);
  enter(presence, "bob", 3, 1010); /* he has changed, and has not */
  assert_string_equal(listed(presence),
                      "\"presence\":[" USER("alice", 1) "," USER("bob", 1) "]");
  assert_string_equal(told(presence, 1110), NOTHING);
  presence_free(presence);
}

static void who_was_not_in_the_list_needs_no_word(void **state) {
  struct presence *presence = start(1);
  (void)state;
  enter(presence, "alice", 1, 0);
  told(presence, 100);
  enter(presence, "bob", 2, 1000);
  assert_string_equal(listed(presence),
                      "\"presence\":[" USER("alice", 1) "],\"more\":1");
  leave(presence, "bob", 2, 0, 1010);
  assert_string_equal(told(presence, 1100), NOTHING);
  presence_free(presence);
}

static void a_list_is_bounded(void **state) {
  struct presence *presence = start(2);
  (void)state;
  enter(presence, "a", 1, 0);
  enter(presence, "b", 2, 0);
  assert_string_equal(listed(presence),
                      "\"presence\":[" USER("a", 1) "," USER("b", 1) "]");
  enter(presence, "c", 3, 0);
  enter(presence, "d", 4, 0);
  assert_string_equal(listed(presence), "\"presence\":[" USER("a", 1) "," USER(
                                            "b", 1) "],\"more\":2");
  /* So is a message; the rest comes with the next ones. */
  assert_string_equal(told(presence, 100),
                      USERS(USER("a", 1) "," USER("b", 1), "", ""));
  assert_string_equal(told(presence, 150), NOTHING);
  enter(presence, "a", 5, 160);
  assert_string_equal(told(presence, 200),
                      USERS(USER("c", 1) "," USER("d", 1), "", ""));
  assert_string_equal(told(presence, 300), USERS("", "", USER("a", 2)));
  assert_int_equal(presence_due(presence, 0), 0);
  presence_free(presence);
}

static void a_message_is_bounded_in_bytes(void **state) {
  struct presence *presence = start(10000);
  char info[PRESENCE_INFO_BYTES];
  struct presence_message message;
  unsigned count = 0;
  (void)state;
  snprintf(info, sizeof info, "\"%01000d\"", 7);
  for (uint64_t i = 0; i < 200; i++) {
    char user[16];
    snprintf(user, sizeof user, "u%u", (unsigned)i);
    enter(presence, user, i, 0);
    say(presence, user, i, info, 0);
  }
  for (uint64_t now_ms = 100; presence_due(presence, 0); now_ms += 100)
    while (presence_work(presence, 0, now_ms, &message)) {
      assert_non_null(message.frame);
      assert_true(message.frame->len < PRESENCE_TEXT_BYTES + 2048);
      frame_unref(message.frame);
      count++;
    }
  assert_int_equal(count, 4);
  presence_free(presence);
}

/* --- infos -------------------------------------------------------------- */

static void what_was_said_last_is_shown(void **state) {
  struct presence *presence = start(200);
  (void)state;
  enter(presence, "alice", 1, 0);
  enter(presence, "alice", 2, 0);
  say(presence, "alice", 1, "{\"n\":1}", 0);
  assert_string_equal(told(presence, 100),
                      USERS(USER_INFO("alice", 2, "{\"n\":1}"), "", ""));
  say(presence, "alice", 2, "{\"n\":2}", 200);
  assert_string_equal(told(presence, 300),
                      USERS("", "", USER_INFO("alice", 2, "{\"n\":2}")));
  say(presence, "alice", 2, "{\"n\":3}", 400);
  say(presence, "alice", 2, "{\"n\":2}", 410);
  assert_string_equal(told(presence, 500), NOTHING);
  leave(presence, "alice", 2, 0, 600);
  assert_string_equal(told(presence, 700),
                      USERS("", "", USER_INFO("alice", 1, "{\"n\":1}")));
  say(presence, "alice", 1, NULL, 800);
  assert_string_equal(told(presence, 900), USERS("", "", USER("alice", 1)));
  say(presence, "bob", 7, "{}", 1000); /* he is not there */
  assert_string_equal(told(presence, 1100), NOTHING);
  presence_free(presence);
}

/* --- grace -------------------------------------------------------------- */

static void who_comes_back_in_time_was_never_away(void **state) {
  struct presence *presence = start(200);
  (void)state;
  enter(presence, "alice", 1, 0);
  enter(presence, "bob", 2, 0);
  say(presence, "bob", 2, "{}", 0);
  told(presence, 100);
  leave(presence, "bob", 2, 5000, 1000);
  assert_int_equal(presence_due(presence, 0), 6000);
  assert_string_equal(told(presence, 5999), NOTHING);
  assert_string_equal(
      listed(presence),
      "\"presence\":[" USER("alice", 1) "," USER_INFO("bob", 1, "{}") "]");
  enter(presence, "bob", 3, 5999);
  assert_string_equal(told(presence, 7000),
                      USERS("", "", USER("bob", 1))); /* said nothing yet */
  leave(presence, "bob", 3, 5000, 10000);
  assert_string_equal(told(presence, 15000), NOTHING);
  assert_string_equal(told(presence, 15100), USERS("", "\"bob\"", ""));
  leave(presence, "alice", 1, 5000, 20000); /* the last one */
  assert_int_equal(presence_stats(presence).users, 1);
  assert_string_equal(told(presence, 25000), NOTHING);
  assert_string_equal(told(presence, 25100), NOTHING);
  assert_is_empty(presence);
}

/* --- count, rules ------------------------------------------------------- */

static void a_count_is_a_count(void **state) {
  struct presence *presence = start(200);
  struct presence_member alice = member(RULE_PRESENCE_COUNT, "alice", 1);
  struct presence_member again = member(RULE_PRESENCE_COUNT, "alice", 2);
  struct presence_member bob = member(RULE_PRESENCE_COUNT, "bob", 3);
  (void)state;
  presence_enter(presence, &alice, 0);
  presence_enter(presence, &again, 0);
  assert_string_equal(told(presence, 100), MESSAGE("\"count\":1"));
  presence_enter(presence, &bob, 200);
  assert_string_equal(listed(presence), "\"presence\":{\"count\":2}");
  presence_leave(presence, &bob, 0, 210);
  /* Who got the list believes that there are two. */
  assert_string_equal(told(presence, 300), MESSAGE("\"count\":1"));
  presence_leave(presence, &again, 0, 400);
  presence_enter(presence, &bob, 400);
  presence_leave(presence, &bob, 0, 410);
  assert_string_equal(told(presence, 500), NOTHING);
  presence_leave(presence, &alice, 0, 600);
  assert_is_empty(presence);
}

static void a_rule_may_change(void **state) {
  struct presence *presence = start(200);
  (void)state;
  enter(presence, "alice", 1, 0);
  enter(presence, "bob", 2, 0);
  told(presence, 100);
  leave(presence, "bob", 2, 0, 150);
  presence_change(presence, "r", RULE_PRESENCE_COUNT, 0, 160);
  presence_change(presence, "r", RULE_PRESENCE_COUNT, 0, 170);
  assert_string_equal(told(presence, 300), MESSAGE("\"count\":1"));
  presence_change(presence, "r", RULE_PRESENCE, 0, 400);
  assert_string_equal(told(presence, 500), USERS(USER("alice", 1), "", ""));
  presence_forget(presence, "r");
  leave(presence, "alice", 1, 0, 600); /* its worker has not heard yet */
  assert_is_empty(presence);
}

/* Alice is known to those of worker 0. Bob is in the room already, on a worker
 * that hears of the rule now. */
static void who_was_there_before_the_rule_is_told_of_all(void **state) {
  struct presence *presence = start(200);
  (void)state;
  enter(presence, "alice", 1, 0);
  enter(presence, "eve", 2, 0);
  told(presence, 100);
  leave(presence, "eve", 2, 0, 150);
  enter(presence, "bob", 3, 200);
  presence_tell_all(presence, "r", 0, 200);
  assert_string_equal(
      told(presence, 300),
      USERS(USER("bob", 1) "," USER("alice", 1), "\"eve\"", ""));
  presence_tell_all(presence, "r", 0, 400); /* who goes is missed by others */
  leave(presence, "alice", 1, 0, 450);
  assert_string_equal(told(presence, 500),
                      USERS(USER("bob", 1), "\"alice\"", ""));
  leave(presence, "bob", 3, 0, 600);
  told(presence, 700);
  presence_tell_all(presence, "r", 0, 800); /* there is no such room */
  assert_is_empty(presence);
}

static void all_are_told_the_count_again(void **state) {
  struct presence *presence = start(200);
  struct presence_member it = member(RULE_PRESENCE_COUNT, "alice", 1);
  (void)state;
  presence_enter(presence, &it, 0);
  assert_string_equal(told(presence, 100), MESSAGE("\"count\":1"));
  presence_tell_all(presence, "r", 0, 200);
  assert_string_equal(told(presence, 300), MESSAGE("\"count\":1"));
  presence_leave(presence, &it, 0, 400);
  assert_is_empty(presence);
}

static void no_seat_is_taken_twice(void **state) {
  struct presence *presence = start(200);
  (void)state;
  enter(presence, "alice", 1, 0);
  enter(presence, "alice", 1, 0);
  leave(presence, "alice", 2, 0, 0);
  leave(presence, "bob", 1, 0, 0);
  assert_string_equal(listed(presence), "\"presence\":[" USER("alice", 1) "]");
  leave(presence, "alice", 1, 0, 0);
  assert_string_equal(told(presence, 100), NOTHING);
  assert_is_empty(presence);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(changes_are_gathered),
      cmocka_unit_test(what_came_to_nothing_is_left_out),
      cmocka_unit_test(a_user_without_a_name_is_told_only),
      cmocka_unit_test(who_comes_gets_the_list_and_what_follows),
      cmocka_unit_test(who_is_listed_as_he_was_told_needs_no_word),
      cmocka_unit_test(who_was_not_in_the_list_needs_no_word),
      cmocka_unit_test(a_list_is_bounded),
      cmocka_unit_test(a_message_is_bounded_in_bytes),
      cmocka_unit_test(what_was_said_last_is_shown),
      cmocka_unit_test(who_comes_back_in_time_was_never_away),
      cmocka_unit_test(a_count_is_a_count),
      cmocka_unit_test(a_rule_may_change),
      cmocka_unit_test(who_was_there_before_the_rule_is_told_of_all),
      cmocka_unit_test(all_are_told_the_count_again),
      cmocka_unit_test(no_seat_is_taken_twice),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
