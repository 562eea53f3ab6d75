/* SPDX-License-Identifier: MIT
 * Tests of script/bundle, on real folders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script/bundle.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int setup(void **state) {
  char *dir = strdup("/tmp/bundle_test.XXXXXX");
  *state = dir;
  return mkdtemp(dir) && !chdir(dir) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type,
                      struct FTW *ftw) {
  (void)st, (void)type, (void)ftw;
  return remove(path);
}

static int teardown(void **state) {
  int err = chdir("/") || nftw(*state, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  free(*state);
  return err;
}

/* The folders of the path are made. */
static void put(const char *path, const char *text) {
  char folder[256];
  for (const char *slash = path; (slash = strchr(slash, '/')); slash++) {
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    mkdir(folder, 0777);
  }
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static struct bundle *read_all(void) {
  struct buf error = {0};
  struct bundle *bundle = bundle_read(".", &error);
  buf_putc(&error, 0);
  if (!bundle)
    fail_msg("%s", error.data);
  assert_int_equal(error.len, 1);
  buf_free(&error);
  return bundle;
}

/* The names must be these, with a blank after each. */
static void holds(const char *names) {
  struct buf got = {0};
  struct bundle *bundle = read_all();
  for (size_t i = 0; i < bundle->count; i++)
    buf_printf(&got, "%s ", bundle->files[i].name);
  buf_putc(&got, 0);
  assert_string_equal(got.data, names);
  buf_free(&got);
  bundle_unref(bundle);
}

/* Reading must fail with a text that has both words in it. */
static void fails(const char *dir, const char *where, const char *why) {
  struct buf error = {0};
  buf_puts(&error, "before ");
  assert_null(bundle_read(dir, &error));
  buf_putc(&error, 0);
  if (strncmp(error.data, "before ", 7) != 0 || !strstr(error.data, where) ||
      !strstr(error.data, why))
    fail_msg("\"%s\" has no %s, %s", error.data, where, why);
  buf_free(&error);
}

static void an_empty_folder_is_an_empty_bundle(void **state) {
  (void)state;
  holds("");
  bundle_unref(NULL);
}

static void files_come_sorted_by_name(void **state) {
  (void)state;
  put("b.lua", "");
  put("lib/z.lua", "");
  put("a.lua", "");
  put("lib/deep/er.lua", "");
  put("C.lua", "");
  put("a-b.lua", "");
  holds("C.lua a-b.lua a.lua b.lua lib/deep/er.lua lib/z.lua ");
}

static void other_files_and_hidden_ones_are_skipped(void **state) {
  (void)state;
  put("a.lua", "");
  put("README.md", "");
  put("a.lua~", "");
  put("lua", "");
  put(".lua", "");
  put(".hidden.lua", "");
  put(".git/hook.lua", "");
  put("lib/.#edited.lua", "");
  put("x.LUA", "");
  put("folder.lua/in.lua", "");
  holds("a.lua folder.lua/in.lua ");
}

static void what_is_no_lua_at_the_start_is_left_out(void **state) {
  static const struct {
    const char *text, *source;
  } cases[] = {
      {"\xef\xbb\xbfreturn {}", "return {}"},
      {"#!/usr/bin/env lua\nreturn {}", "\nreturn {}"}, /* still line 2 */
      {"\xef\xbb\xbf#!/usr/bin/env lua\r\nreturn {}", "\nreturn {}"},
      {"#!/usr/bin/env lua", ""},
      {"\xef\xbb\xbf", ""},
      {"\xef\xbb", "\xef\xbb"}, /* no mark: a mistake, which Lua tells */
      {" # 1", " # 1"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    put("a.lua", cases[i].text);
    struct bundle *bundle = read_all();
    assert_string_equal(bundle->files[0].source, cases[i].source);
    assert_int_equal(bundle->files[0].len, strlen(cases[i].source));
    bundle_unref(bundle);
  }
}

static void sources_are_read_whole(void **state) {
  (void)state;
  FILE *file = fopen("a.lua", "wb");
  for (int i = 0; i < 300000; i++)
    fputc(i % 256, file);
  fclose(file);
  put("empty.lua", "");
  struct bundle *bundle = read_all();
  assert_int_equal(bundle->files[0].len, 300000);
  for (int i = 0; i < 300000; i++)
    if ((unsigned char)bundle->files[0].source[i] != i % 256)
      fail_msg("byte %d is wrong", i);
  assert_int_equal(bundle->files[1].len, 0);
  assert_non_null(bundle->files[1].source);
  bundle_unref(bundle);
}

static void the_name_of_the_folder_is_not_in_the_names(void **state) {
  struct buf error = {0};
  char dir[256];
  put("sub/a.lua", "return 1");
  snprintf(dir, sizeof dir, "%s///", (char *)*state);
  struct bundle *bundle = bundle_read(dir, &error);
  assert_non_null(bundle);
  assert_int_equal(bundle->count, 1);
  assert_string_equal(bundle->files[0].name, "sub/a.lua");
  assert_int_equal(bundle->files[0].len, 8);
  assert_memory_equal(bundle->files[0].source, "return 1", 8);
  bundle_unref(bundle);
}

static void a_snapshot_does_not_change(void **state) {
  (void)state;
  put("a.lua", "return 1");
  struct bundle *bundle = read_all();
  put("a.lua", "return 2 -- longer");
  unlink("a.lua");
  assert_memory_equal(bundle->files[0].source, "return 1", 8);
  bundle_unref(bundle);
}

static void links_are_followed(void **state) {
  (void)state;
  put("shared/words.txt", "return 1");
  assert_int_equal(symlink("shared/words.txt", "words.lua"), 0);
  put("shared/a.lua", "");
  assert_int_equal(symlink("shared", "also"), 0);
  holds("also/a.lua shared/a.lua words.lua ");
}

static void a_circle_of_links_ends(void **state) {
  (void)state;
  put("a.lua", "");
  put("sub/b.lua", "");
  assert_int_equal(symlink("..", "sub/up"), 0);
  assert_int_equal(symlink(".", "sub/here"), 0);
  struct bundle *bundle = read_all();
  assert_string_equal(bundle->files[0].name, "a.lua");
  assert_in_range(bundle->count, 2, 1000);
  bundle_unref(bundle);
}

static void what_is_missing_is_named(void **state) {
  (void)state;
  fails("nowhere", "nowhere", "No such file");
  put("file.txt", "");
  fails("file.txt", "file.txt", "Not a directory");
  assert_int_equal(symlink("nothing", "notes.txt"), 0);
  holds("");
  assert_int_equal(symlink("nothing", "dangling.lua"), 0);
  fails(".", "./dangling.lua", "No such file");
  unlink("dangling.lua");
  assert_int_equal(symlink("self.lua", "self.lua"), 0);
  fails(".", "./self.lua", "symbolic links");
}

/* Root reads everything: become somebody else. */
static void what_may_not_be_read_is_named(void **state) {
  bool root = geteuid() == 0;
  put("lib/a.lua", "");
  put("b.lua", "");
  assert_int_equal(chmod(*state, 0755), 0);
  assert_int_equal(chmod("b.lua", 0), 0);
  assert_false(root && seteuid(65534));
  fails(".", "./b.lua", "denied");
  assert_false(root && seteuid(0));
  assert_int_equal(chmod("b.lua", 0644), 0);
  assert_int_equal(chmod("lib", 0), 0);
  assert_false(root && seteuid(65534));
  fails(".", "./lib", "denied");
  assert_false(root && seteuid(0));
  assert_int_equal(chmod("lib", 0755), 0);
}

/* Opening a pipe would wait for a writer for ever. */
static void what_is_no_file_is_refused(void **state) {
  (void)state;
  assert_int_equal(mkfifo("pipe.lua", 0600), 0);
  fails(".", "./pipe.lua", "not a file");
}

static void a_huge_file_is_refused(void **state) {
  (void)state;
  put("huge.lua", "");
  assert_int_equal(truncate("huge.lua", (8 << 20) + 1), 0);
  fails(".", "./huge.lua", "too large");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(an_empty_folder_is_an_empty_bundle),
      TEST(files_come_sorted_by_name),
      TEST(other_files_and_hidden_ones_are_skipped),
      TEST(what_is_no_lua_at_the_start_is_left_out),
      TEST(sources_are_read_whole),
      TEST(the_name_of_the_folder_is_not_in_the_names),
      TEST(a_snapshot_does_not_change),
      TEST(links_are_followed),
      TEST(a_circle_of_links_ends),
      TEST(what_is_missing_is_named),
      TEST(what_may_not_be_read_is_named),
      TEST(what_is_no_file_is_refused),
      TEST(a_huge_file_is_refused),
  };
#undef TEST
  return cmocka_run_group_tests(tests, NULL, NULL);
}
