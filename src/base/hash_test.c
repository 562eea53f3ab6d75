/* SPDX-License-Identifier: MIT
 * Tests of base/hash: nobody can choose who meets in a bucket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/hash_walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAMES = 10000, NAME_BYTES = 16, FALLS_INTO = 1024 };

struct element {
  char name[NAME_BYTES];
  UT_hash_handle hh;
};

/* --- the function ------------------------------------------------------- */

/* Python from 3.11 has the same function: with PYTHONHASHSEED=0 its key is
 * zero, and hash(bytes(range(n))) are these numbers. */
static void it_is_siphash_1_3(void **state) {
  static const struct {
    size_t len;
    uint64_t hash;
  } cases[] = {
      {1, 0x68a914128e01e473},  {7, 0x2f098ab0c751325a},
      {8, 0xead411e67ebe2eea},  {9, 0x75927f9d95124362},
      {15, 0xf30eb725bb91c9ea}, {16, 0x8972188433a5c5b7},
      {31, 0x169739443111d49b}, {63, 0x385d3e39e5f37359},
  };
  static const struct hash_key zero = {0, 0};
  unsigned char bytes[64];
  (void)state;
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (unsigned char)i;
  for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
    assert_int_equal(hash_siphash(&zero, bytes, cases[i].len), cases[i].hash);
}

/* --- the key ------------------------------------------------------------ */

static const char *const known[] = {"alice", "bob", "lobby", "chat.send"};

/* What another process makes of the same names: this program, told to. */
static int print_hashes(void) {
  for (size_t i = 0; i < ARRAY_SIZE(known); i++)
    printf("%u\n", hash_bytes(known[i], strlen(known[i])));
  return 0;
}

static void another_process_has_another_key(void **state) {
  char path[4096], command[4200];
  ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
  unsigned same = 0;
  (void)state;
  assert_true(len > 0);
  path[len] = 0;
  snprintf(command, sizeof command, "'%s' hashes", path);
  // NOLINTNEXTLINE(cert-env33-c): this program itself
  FILE *other = popen(command, "re");
  assert_non_null(other);
  for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
    char line[32];
    assert_non_null(fgets(line, sizeof line, other));
    same += strtoul(line, NULL, 10) == hash_bytes(known[i], strlen(known[i]));
  }
  assert_int_equal(pclose(other), 0);
  assert_true(same < ARRAY_SIZE(known)); /* once in 2^128 */
}

/* --- hostile names ------------------------------------------------------ */

static unsigned unkeyed(const char *name) {
  unsigned value;
  HASH_JEN(name, strlen(name), value);
  return value;
}

/* Names that all fall into one bucket of a thousand with the hash that uthash
 * brings, as anybody can make them. */
static void name_hostile(struct element *elements) {
  unsigned found = 0;
  for (unsigned i = 0; found < NAMES; i++) {
    snprintf(elements[found].name, NAME_BYTES, "u%u", i);
    found += unkeyed(elements[found].name) % FALLS_INTO == 7;
  }
}

static void name_ordinary(struct element *elements) {
  for (unsigned i = 0; i < NAMES; i++)
    snprintf(elements[i].name, NAME_BYTES, "user%u", i);
}

/* How many elements are looked at when all come in, each looked for first, and
 * are then found again: what a look-up costs. */
static size_t compared(struct element *elements) {
  struct element *table = NULL, *found;
  size_t total = 0;
  for (unsigned i = 0; i < NAMES; i++) {
    unsigned value, bucket;
    HASH_VALUE(elements[i].name, strlen(elements[i].name), value);
    HASH_FIND_STR(table, elements[i].name, found);
    assert_null(found);
    HASH_ADD_STR(table, name, &elements[i]);
    HASH_TO_BKT(value, table->hh.tbl->num_buckets, bucket);
    total += table->hh.tbl->buckets[bucket].count;
  }
  assert_int_equal(table->hh.tbl->noexpand, 0);
  for (unsigned i = 0; i < table->hh.tbl->num_buckets; i++) {
    size_t count = table->hh.tbl->buckets[i].count;
    total += count * (count + 1) / 2;
  }
  HASH_CLEAR(hh, table);
  return total;
}

static void hostile_names_cost_what_others_do(void **state) {
  struct element *elements = calloc(NAMES, sizeof *elements);
  (void)state;
  assert_non_null(elements);
  name_ordinary(elements);
  size_t ordinary = compared(elements);
  name_hostile(elements);
  size_t hostile = compared(elements);
  free(elements);
  /* Two or three for each name and way; unkeyed it would be thousands. */
  assert_in_range(ordinary, 1, NAMES * 8);
  assert_in_range(hostile, 1, NAMES * 8);
}

/* Should they all meet all the same, in some part of a table's life, it grows
 * again when that is over. */
static void a_table_never_stops_growing(void **state) {
  struct element *elements = calloc(NAMES, sizeof *elements), *table = NULL;
  (void)state;
  assert_non_null(elements);
  name_ordinary(elements);
  for (unsigned i = 0; i < NAMES; i++) {
    struct element *element = &elements[i];
    unsigned value = hash_bytes(element->name, strlen(element->name));
    if (i < NAMES / 20)
      value = i << 20; /* all in the first bucket */
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, table, element->name, strlen(element->name),
                                value, element);
  }
  assert_true(table->hh.tbl->num_buckets > NAMES / 4);
  HASH_CLEAR(hh, table);
  free(elements);
}

struct seen {
  const struct element *elements;
  unsigned char *times; /* by element */
  unsigned piece;
};

static void note_element(void *arg, void *object) {
  struct seen *seen = arg;
  seen->times[(const struct element *)object - seen->elements]++;
  seen->piece++;
}

/* A third of the elements is there from the beginning, a third comes and a
 * third goes while the table is walked over. */
static void a_walk_sees_what_stays(void **state) {
  struct element *elements = calloc(NAMES, sizeof *elements), *table = NULL;
  struct seen seen = {elements, calloc(NAMES, 1), 0};
  struct hash_walk walk = {0};
  unsigned changed = 0;
  (void)state;
  assert_non_null(elements);
  assert_non_null(seen.times);
  name_ordinary(elements);
  for (unsigned i = 0; i < NAMES; i++)
    if (i % 3 != 1)
      HASH_ADD_STR(table, name, &elements[i]);
  while (!walk.over) {
    seen.piece = 0;
    hash_walk(&walk, table->hh.tbl, note_element, &seen);
    assert_in_range(seen.piece, 0, 400);
    for (unsigned end = changed + 300; changed < end && changed < NAMES;
         changed++)
      if (changed % 3 == 1)
        HASH_ADD_STR(table, name, &elements[changed]);
      else if (changed % 3 == 2)
        HASH_DEL(table, &elements[changed]);
  }
  assert_true(changed > NAMES / 2);
  for (unsigned i = 0; i < NAMES; i++)
    assert_in_range(seen.times[i], i % 3 == 0, 1);
  HASH_CLEAR(hh, table);
  walk = (struct hash_walk){0};
  hash_walk(&walk, NULL, note_element, &seen);
  assert_true(walk.over);
  free(seen.times);
  free(elements);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_is_siphash_1_3),
      cmocka_unit_test(another_process_has_another_key),
      cmocka_unit_test(hostile_names_cost_what_others_do),
      cmocka_unit_test(a_table_never_stops_growing),
      cmocka_unit_test(a_walk_sees_what_stays),
  };
  if (argc > 1 && strcmp(argv[1], "hashes") == 0)
    return print_hashes();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
