/* SPDX-License-Identifier: MIT
 * Tests of script/budget: whose time counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script/budget.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>
#include <uv.h>

static const char too_long[] = "too long";

/* Whoever sleeps has no processor, as on a machine where others have it. */
static int nap(lua_State *L) {
  uv_sleep((unsigned)luaL_checkinteger(L, 1));
  return 0;
}

/* Runs `code` with `ms` of a budget, and with `limit` on the wall, if that is
 * not 0. What it raised goes to `error`, which is empty if it ended. */
static void run(const char *code, uint64_t ms, uint64_t limit,
                char error[100]) {
  struct budget budget = {0};
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  budget_bind(&budget, L);
  lua_register(L, "nap", nap);
  lua_State *co = lua_newthread(L);
  int results;
  budget_watch(co);
  assert_int_equal(luaL_loadstring(co, code), LUA_OK);
  budget_start(&budget, ms);
  if (limit)
    budget_limit(&budget, limit, too_long);
  int status = lua_resume(co, L, 0, &results);
  *error = '\0';
  if (status != LUA_OK)
    strncat(error, lua_tostring(co, -1), 99);
  assert_int_equal(budget_stop(&budget), status != LUA_OK);
  lua_close(L);
}

static void waiting_for_a_processor_is_no_computing(void **state) {
  char error[100];
  (void)state;
  run("for _ = 1, 6 do nap(40) for _ = 1, 2000 do end end", 120, 0, error);
  assert_string_equal(error, "");
}

static void but_not_for_ever(void **state) {
  char error[100];
  (void)state;
  run("while true do nap(1) end", 20, 0, error);
  assert_non_null(strstr(error, "computed for too long"));
}

static void computing_ends(void **state) {
  char error[100];
  (void)state;
  run("while true do end", 20, 0, error);
  assert_non_null(strstr(error, "computed for too long"));
}

static void a_timeout_is_one_on_the_wall(void **state) {
  char error[100];
  (void)state;
  run("for _ = 1, 4 do nap(50) for _ = 1, 2000 do end end", 10000, 100, error);
  assert_non_null(strstr(error, too_long));
  run("while true do end", 20, 10000, error);
  assert_non_null(strstr(error, "computed for too long"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(waiting_for_a_processor_is_no_computing),
      cmocka_unit_test(but_not_for_ever),
      cmocka_unit_test(computing_ends),
      cmocka_unit_test(a_timeout_is_one_on_the_wall),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
