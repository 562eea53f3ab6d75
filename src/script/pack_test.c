/* SPDX-License-Identifier: MIT
 * Tests of script/pack, most of them from one Lua state to another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script/json.h"
#include "script/json_mark.h"
#include "script/pack.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

struct pair {
  lua_State *from, *to;
};

static struct buf packed;
static size_t most; /* bytes that a value may take */

static int open_json(lua_State *L) {
  static struct json_bound bound = {.bytes = 1 << 20};
  json_open(L, &bound);
  return 1;
}

static lua_State *new_state(void) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  luaL_requiref(L, "json", open_json, true);
  lua_settop(L, 0);
  return L;
}

static int setup(void **state) {
  static struct pair pair;
  pair = (struct pair){new_state(), new_state()};
  most = 1 << 20;
  *state = &pair;
  return 0;
}

static int teardown(void **state) {
  struct pair *pair = *state;
  lua_close(pair->from);
  if (pair->to)
    lua_close(pair->to);
  buf_free(&packed);
  return 0;
}

static void run(lua_State *L, const char *chunk) {
  if (luaL_dostring(L, chunk))
    fail_msg("%s", lua_tostring(L, -1));
}

static int copy(lua_State *to) {
  lua_State *from = lua_touserdata(to, 1);
  struct pack_from state = {from, lua_gettop(from), "state", most, NULL};
  packed.len = 0;
  pack_write(&state, to, &packed);
  lua_pushlstring(to, packed.data, packed.len);
  pack_read(to);
  return 1;
}

/* Copies what the chunk in `from` returns to the top of `to`. */
static int transfer(struct pair *pair, const char *chunk) {
  lua_settop(pair->from, 0);
  run(pair->from, chunk);
  assert_int_equal(lua_gettop(pair->from), 1);
  lua_pushcfunction(pair->to, copy);
  lua_pushlightuserdata(pair->to, pair->from);
  return lua_pcall(pair->to, 1, 1, 0);
}

/* The chunk `check` must accept the copy, which it knows as `v`. */
static void arrives(void **state, const char *chunk, const char *check) {
  struct pair *pair = *state;
  if (transfer(pair, chunk))
    fail_msg("%s: %s", chunk, lua_tostring(pair->to, -1));
  assert_int_equal(lua_gettop(pair->from), 1);
  lua_setglobal(pair->to, "v");
  assert_int_equal(lua_gettop(pair->to), 0);
  run(pair->to, check);
  lua_settop(pair->to, 0);
}

static void fails(void **state, const char *chunk, const char *path) {
  struct pair *pair = *state;
  if (!transfer(pair, chunk))
    fail_msg("%s was copied", chunk);
  const char *text = lua_tostring(pair->to, -1);
  if (strncmp(text, path, strlen(path)) != 0 || !strstr(text, "not plain data"))
    fail_msg("%s: \"%s\" does not begin with %s", chunk, text, path);
  lua_settop(pair->to, 0);
}

static void simple_values(void **state) {
  arrives(state, "return nil", "assert(v == nil)");
  arrives(state, "return true", "assert(v == true)");
  arrives(state, "return false", "assert(v == false)");
  arrives(state, "return 'a\\0b'", "assert(v == 'a\\0b')");
  arrives(state, "return ''", "assert(v == '')");
  arrives(state, "return json.null", "assert(v == json.null)");
}

static void numbers_keep_their_kind(void **state) {
  arrives(state, "return 5", "assert(math.type(v) == 'integer' and v == 5)");
  arrives(state, "return 5.0", "assert(math.type(v) == 'float' and v == 5)");
  arrives(state,
          "local t = {0, -1, math.maxinteger, math.mininteger}"
          " for i = 0, 62 do t[#t + 1] = 1 << i; t[#t + 1] = -(1 << i);"
          " t[#t + 1] = (1 << i) - 1 end return t",
          "local t = {0, -1, math.maxinteger, math.mininteger}"
          " for i = 0, 62 do t[#t + 1] = 1 << i; t[#t + 1] = -(1 << i);"
          " t[#t + 1] = (1 << i) - 1 end assert(#v == #t)"
          " for i, n in ipairs(t) do"
          " assert(v[i] == n and math.type(v[i]) == 'integer') end");
  arrives(state, "return -0.0", "assert(1 / v == -math.huge)");
  arrives(state, "return 0.1 + 0.2", "assert(v == 0.1 + 0.2)");
  arrives(state, "return '5'", "assert(math.type(v) == nil and v == '5')");
  arrives(state, "return 0/0", "assert(v ~= v)");
}

static void tables_with_all_keys(void **state) {
  arrives(state, "return {}", "assert(next(v) == nil)");
  arrives(state, "return {1, {2, {3}}, n = {x = 'y'}}",
          "assert(v[1] == 1 and v[2][2][1] == 3 and v.n.x == 'y')");
  arrives(state, "return {[2.5] = 1, [true] = 2, [json.null] = 3, [-1] = 4}",
          "assert(v[2.5] == 1 and v[true] == 2 and v[json.null] == 3"
          " and v[-1] == 4)");
  arrives(state, "local k = {7}; return {[k] = k}",
          "local k, x = next(v); assert(k[1] == 7 and x[1] == 7)");
  arrives(state, "return {1, nil, 3}", "assert(v[1] == 1 and v[3] == 3)");
}

static void empty_arrays_stay_arrays(void **state) {
  arrives(state, "return {a = json.array {}, b = {}}",
          "assert(json.encode(v.a) == '[]' and json.encode(v.b) == '{}')");
}

static void metatables_are_neither_copied_nor_called(void **state) {
  arrives(state,
          "local m = {__index = error, __pairs = error, __len = error,"
          " __name = 'x'} return setmetatable({1, a = 2}, m)",
          "assert(v[1] == 1 and v.a == 2 and getmetatable(v) == nil)");
}

static void a_copy_is_a_copy(void **state) {
  struct pair *pair = *state;
  assert_int_equal(transfer(pair, "big = {} for i = 1, 1000 do"
                                  " big[i] = ('x'):rep(i) end return big"),
                   0);
  lua_setglobal(pair->to, "v");
  lua_close(pair->from);
  pair->from = pair->to;
  pair->to = NULL;
  run(pair->from, "for i = 1, 1000 do assert(v[i] == ('x'):rep(i)) end");
}

static void what_is_not_data_is_named(void **state) {
  fails(state, "return print", "state: a function");
  fails(state, "return coroutine.create(print)", "state: a thread");
  fails(state, "return io.stdout", "state: a userdata");
  fails(state, "return {a = {b = print}}", "state.a.b: a function");
  fails(state, "return {list = {1, 2, print}}", "state.list[3]: a function");
  fails(state, "return {[2.5] = print}", "state[2.5]: a function");
  fails(state, "return {[print] = 1}", "state[a function]: a function");
  fails(state, "return {[{}] = print}", "state[a table]: a function");
  fails(state, "return {[true] = {print}}", "state[a boolean][1]: a function");
}

static void depth_is_bounded(void **state) {
  fails(state, "local t = {} t.me = t return t", "state.me.me");
  fails(state, "local t = {} t[t] = 1 return t", "state[a table]");
  fails(state, "local t = 1 for i = 1, 65 do t = {t} end return t", "state[1]");
  arrives(state, "local t = 1 for i = 1, 64 do t = {t} end return t",
          "for i = 1, 64 do v = v[1] end assert(v == 1)");
}

static void size_is_bounded(void **state) {
  struct pair *pair = *state;
  most = 100;
  arrives(state, "return ('x'):rep(98)", "assert(#v == 98)");
  assert_int_equal(packed.len, 100);
  assert_int_not_equal(transfer(pair, "return ('x'):rep(99)"), LUA_OK);
  assert_string_equal(lua_tostring(pair->to, -1),
                      "state: more than 100 bytes of data");
  assert_int_not_equal(
      transfer(pair, "return {('x'):rep(50), {('x'):rep(50)}}"), LUA_OK);
  /* 2^60 tables, if nothing stopped it. */
  most = 100000;
  assert_int_not_equal(
      transfer(pair, "local t = {} for i = 1, 60 do t = {t, t} end return t"),
      LUA_OK);
  assert_non_null(strstr(lua_tostring(pair->to, -1), "more than 100000 bytes"));
  assert_in_range(packed.len, 0, 101000);
}

/* The border that Lua finds in such a table is far beyond what is in it. */
static void tables_with_holes_cost_what_they_hold(void **state) {
  arrives(state, "local t = {} for i = 0, 40 do t[1 << i] = i end return t",
          "local n = 0 for k, i in pairs(v) do"
          " assert(k == 1 << i) n = n + 1 end assert(n == 41)");
  assert_in_range(packed.len, 41, 41 * 10);
}

struct budget {
  size_t used, max;
};

static void *bounded(void *data, void *block, size_t old, size_t size) {
  struct budget *budget = data;
  if (!block)
    old = 0;
  if (size == 0) {
    budget->used -= old;
    free(block);
    return NULL;
  }
  if (size > old && budget->used - old + size > budget->max)
    return NULL;
  block = realloc(block, size);
  budget->used = budget->used - old + size;
  return block;
}

/* The receiver may run out of memory at any place: `from` is as before. */
static void a_receiver_without_memory_raises(void **state) {
  struct pair *pair = *state;
  static struct budget budget; /* teardown closes the state */
  int failures = 0, status;
  budget = (struct budget){0, SIZE_MAX / 2};
  lua_State *L = lua_newstate(bounded, &budget);
  json_setup(L);
  lua_close(pair->to);
  pair->to = L;
  run(pair->from, "return {{'one', 2, {'three'}}, x = {y = ('z'):rep(500)}}");
  lua_gc(L, LUA_GCSTOP);
  for (size_t more = 0;; more += 16) {
    lua_gc(L, LUA_GCCOLLECT);
    lua_pushcfunction(L, copy);
    lua_pushlightuserdata(L, pair->from);
    budget.max = budget.used + more;
    status = lua_pcall(L, 1, 1, 0);
    budget.max = SIZE_MAX / 2;
    lua_settop(L, 0);
    assert_int_equal(lua_type(pair->from, 1), LUA_TTABLE);
    lua_settop(pair->from, 1);
    if (!status)
      break;
    assert_int_equal(status, LUA_ERRMEM);
    failures++;
  }
  assert_true(failures > 10);
}

/* Every value that is written is valid, and nothing that is cut is; whatever is
 * changed in it is refused, or can be read. */
static void what_is_not_whole_is_refused(void **state) {
  struct pair *pair = *state;
  assert_int_equal(
      transfer(pair, "return { 1, 'two', { 3.5, false, [true] = json.null }, "
                     "json.array {}, a = -1, ['\\0'] = 1 << 60 }"),
      LUA_OK);
  char copied[256];
  size_t len = packed.len;
  assert_true(len < sizeof copied);
  memcpy(copied, packed.data, len);
  assert_true(pack_is_valid(copied, len));
  for (size_t i = 0; i < len; i++)
    assert_false(pack_is_valid(copied, i));
  copied[len] = 0;
  assert_false(pack_is_valid(copied, len + 1));
  for (size_t i = 0; i < len * 256; i++) {
    char before = copied[i / 256];
    copied[i / 256] = (char)(unsigned char)i;
    if (pack_is_valid(copied, len)) {
      lua_settop(pair->to, 0);
      lua_pushlstring(pair->to, copied, len);
      pack_read(pair->to);
      assert_int_equal(lua_gettop(pair->to), 1);
    }
    copied[i / 256] = before;
  }
}

static void tables_that_are_too_deep_or_too_large_are_refused(void **state) {
  struct pair *pair = *state;
  struct buf deep = {0};
  static const char head[] = "\x07\1\0\0\0\0\0\0\0\x02";
  static const char nan_key[] = "\x07\1\0\0\0\0\0\0\0\5\0\0\0\0\0\0\xf8\x7f\1";
  (void)pair;
  for (int i = 0; i < 64; i++)
    buf_put(&deep, head, sizeof head - 1);
  buf_putc(&deep, 1);
  assert_true(pack_is_valid(deep.data, deep.len));
  assert_false(pack_is_valid(deep.data, deep.len - 1));
  deep.len = 0;
  for (int i = 0; i < 65; i++)
    buf_put(&deep, head, sizeof head - 1);
  buf_putc(&deep, 1);
  assert_false(pack_is_valid(deep.data, deep.len));
  buf_free(&deep);
  assert_false(pack_is_valid("\x07\xff\xff\xff\x7f\0\0\0\0\1\1", 11));
  assert_false(pack_is_valid(nan_key, sizeof nan_key - 1));
  assert_false(pack_is_valid("\x07\1\0\0\0\0\0\0\0\0\1", 11)); /* nil */
  assert_false(pack_is_valid("\4\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(simple_values),
      TEST(numbers_keep_their_kind),
      TEST(tables_with_all_keys),
      TEST(empty_arrays_stay_arrays),
      TEST(metatables_are_neither_copied_nor_called),
      TEST(a_copy_is_a_copy),
      TEST(what_is_not_data_is_named),
      TEST(depth_is_bounded),
      TEST(size_is_bounded),
      TEST(tables_with_holes_cost_what_they_hold),
      TEST(a_receiver_without_memory_raises),
      TEST(what_is_not_whole_is_refused),
      TEST(tables_that_are_too_deep_or_too_large_are_refused),
  };
#undef TEST
  return cmocka_run_group_tests(tests, NULL, NULL);
}
