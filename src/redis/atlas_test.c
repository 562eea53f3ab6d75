/* SPDX-License-Identifier: MIT
 * The slots of keys, and what nodes of a cluster say. */
#include "redis/atlas.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static size_t slot(const char *key) {
  return atlas_slot(key, strlen(key));
}

/* As CLUSTER KEYSLOT says. */
static void keys_have_slots(void **state) {
  (void)state;
  assert_int_equal(slot("123456789"), 0x31c3 % ATLAS_SLOTS);
  assert_int_equal(slot(""), 0);
  assert_int_equal(slot("foo"), 12182);
  assert_int_equal(slot("pg:{}x}:h"), 11109);
  assert_int_equal(slot("a{foo}b"), 12182);
  assert_int_equal(slot("{foo}{bar}"), 12182);
  assert_int_equal(slot("{foo"), slot("{foo"));
  assert_int_not_equal(slot("{foo"), 12182);
}

#define NODE_A "a1111a1111a1111a1111a1111a1111a1111a1111"
#define NODE_B "b2222b2222b2222b2222b2222b2222b2222b2222"
#define NODE_C "c3333c3333c3333c3333c3333c3333c3333c3333"
#define NODE_D "d4444d4444d4444d4444d4444d4444d4444d4444"

/* A master with a slot that goes and one that comes, another one that may have
 * failed, a replica, and one that nobody finds. */
static const char view[] = NODE_A
    " 10.0.0.1:6379@16379 myself,master - 0 0 7 connected 0-5460 5462"
    " [5462->-" NODE_B "] [9-<-" NODE_B "]\n" NODE_B
    " ::1:6380@16380,node-b master,fail? - 0 0 9 connected 5461"
    " 5463-16382\r\n" NODE_C " 10.0.0.3:6379@16379 slave " NODE_A
    " 0 0 7 connected\n" NODE_D " :0@0 master,noaddr - 0 0 1 disconnected\n";

static void a_view_is_read(void **state) {
  struct atlas *atlas = mem_alloc(sizeof *atlas);
  (void)state;
  assert_true(atlas_read(atlas, view, "seed", false));
  assert_string_equal(atlas->self, NODE_A);
  assert_int_equal(atlas->count, 2);
  assert_string_equal(atlas->nodes[0].host, "10.0.0.1");
  assert_int_equal(atlas->nodes[0].epoch, 7);
  assert_string_equal(atlas->nodes[1].host, "::1");
  assert_int_equal(atlas->nodes[1].port, 6380);
  assert_string_equal(atlas->nodes[1].id, NODE_B);
  assert_int_equal(atlas->owner[0], 0);
  assert_int_equal(atlas->owner[5460], 0);
  assert_int_equal(atlas->owner[5461], 1);
  assert_int_equal(atlas->owner[5462], 0);
  assert_int_equal(atlas->owner[16382], 1);
  assert_int_equal(atlas->owner[16383], ATLAS_NOBODY);
  assert_true(atlas_read(atlas, view, "seed", true));
  assert_string_equal(atlas->nodes[1].host, "node-b"); /* for its certificate */
  mem_free(atlas);
}

static void a_node_that_knows_no_address_is_where_it_was_asked(void **state) {
  struct atlas *atlas = mem_alloc(sizeof *atlas);
  (void)state;
  assert_true(atlas_read(
      atlas, NODE_A " :6379@16379 myself,master - 0 0 0 connected 1\n", "seed",
      false));
  assert_string_equal(atlas->nodes[0].host, "seed");
  mem_free(atlas);
}

static void other_answers_are_refused(void **state) {
  static const char *const bad[] = {
      "",
      "\n",
      "OK",
      "short 10.0.0.1:1@2 myself,master - 0 0 1 connected 1\n",
      NODE_A " 10.0.0.1:1@2 myself,master - 0\n",
      NODE_A " 10.0.0.1:1@2 master - 0 0 1 connected 1\n", /* of whom? */
  };
  struct atlas *atlas = mem_alloc(sizeof *atlas);
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
    if (atlas_read(atlas, bad[i], "seed", false))
      fail_msg("`%s` passes", bad[i]);
  /* Slots that there are not harm nobody. */
  assert_true(atlas_read(atlas,
                         NODE_A " 10.0.0.1:1@2 myself,master - 0 0 1 "
                                "connected 16380-99999 7-3 x\n",
                         "seed", false));
  assert_int_equal(atlas->owner[16383], 0);
  assert_int_equal(atlas->owner[5], ATLAS_NOBODY);
  mem_free(atlas);
}

static void moved_is_read(void **state) {
  char host[ATLAS_HOST_BYTES];
  size_t at;
  int port;
  (void)state;
  assert_true(atlas_read_moved("MOVED 3999 127.0.0.1:6381", &at, host, &port));
  assert_int_equal(at, 3999);
  assert_string_equal(host, "127.0.0.1");
  assert_int_equal(port, 6381);
  assert_true(atlas_read_moved("MOVED 1 :7", &at, host, &port));
  assert_string_equal(host, "");
  assert_true(atlas_read_moved("MOVED 1 ?:7", &at, host, &port));
  assert_string_equal(host, "");
  assert_true(atlas_read_moved("MOVED 1 fd00::1:7", &at, host, &port));
  assert_string_equal(host, "fd00::1");
  assert_false(atlas_read_moved("MOVED 16384 a:1", &at, host, &port));
  assert_false(atlas_read_moved("MOVED 1", &at, host, &port));
  assert_false(atlas_read_moved("MOVED 1 a", &at, host, &port));
  assert_false(atlas_read_moved("ASK 1 a:1", &at, host, &port));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keys_have_slots),
      cmocka_unit_test(a_view_is_read),
      cmocka_unit_test(a_node_that_knows_no_address_is_where_it_was_asked),
      cmocka_unit_test(other_answers_are_refused),
      cmocka_unit_test(moved_is_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
