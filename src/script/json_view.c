/* SPDX-License-Identifier: MIT
 * Views: JSON that a script reads in place.
 *
 * The problem: to decode `data` is to make a table, its strings and a place for
 * each of its fields, and to send it again is to walk over all of that. A
 * handler that passes on what it got, and looks at one field of it, pays for
 * both.
 *
 * A view is a userdata with a copy of the text behind it: one block, without a
 * finalizer. Each access scans. That is much cheaper than decoding, but it is
 * not free: an object is scanned to its end, as of a key that comes twice the
 * last one counts. In an array the view remembers the item that was read last,
 * so that a loop from 1 to n is one pass. Whoever reads a large text in another
 * order, again and again, is under the budget. */
#include "script/json_view.h"

#include "script/budget.h"
#include "script/json.h"
#include "script/kind.h"
#include "wire/json.h"

#include <lauxlib.h>
#include <string.h>

static const char view_name[] = "perigee.view";

/* Of a text that takes a microsecond or more, each 16th access looks at the
 * clock. */
enum { LONG_TEXT = 2048 };

struct view {
  const char *kind;      /* what it is known by: script/kind.h */
  int views;             /* registry reference: the metatable */
  struct json_part part; /* its text is that below */
  lua_Integer count;     /* items of the array; -1: nobody has asked */
  lua_Integer item;      /* the one that was read last; 0: none yet */
  size_t item_at;        /* where it begins */
  char text[];
};

static struct view *find_view(lua_State *L, int index) {
  return kind_find(L, index, view_name, sizeof(struct view));
}

/* The view of a metamethod, whose first argument it is. */
static struct view *check_view(lua_State *L) {
  struct view *view = find_view(L, 1);
  if (!view)
    luaL_typeerror(L, 1, view_name);
  if (view->part.len > LONG_TEXT)
    budget_check_often(budget_of(L), L);
  return view;
}

static void push_view(lua_State *L, int views, struct json_part part) {
  struct view *view = lua_newuserdatauv(L, sizeof *view + part.len, 0);
  *view = (struct view){
      .kind = view_name, .views = views, .part = part, .count = -1};
  view->part.text = memcpy(view->text, part.text, part.len);
  lua_rawgeti(L, LUA_REGISTRYINDEX, views);
  lua_setmetatable(L, -2);
}

static bool is_array(const struct view *view) {
  return view->text[0] == '[';
}

static struct json_scan scan_of(const struct view *view) {
  return (struct json_scan){view->text, view->text + view->part.len};
}

/* Passes the value that comes next; it is JSON. */
static struct json_scan take_value(struct json_scan *scan) {
  struct json_scan value = *scan;
  if (json_skip_value(scan, 1) != 0)
    scan->at = scan->end;
  value.end = scan->at;
  return value;
}

static void push_value(lua_State *L, const struct view *view,
                       struct json_scan value) {
  size_t len = (size_t)(value.end - value.at);
  json_view_push(L, view->views,
                 (struct json_part){value.at, len, view->part.look});
}

/* --- reading -------------------------------------------------------------- */

/* Whether a key is the string at index 2. */
static bool key_is_asked(lua_State *L, const struct json_string *key,
                         const char *asked, size_t len) {
  if (!key->escaped)
    return key->len == len && !memcmp(key->text, asked, len);
  json_decode(L, key->text - 1, key->len + 2); /* with its quotes */
  bool same = lua_rawequal(L, -1, 2);
  lua_pop(L, 1);
  return same;
}

/* Pushes the field that the string at index 2 names, or nil. */
static void push_field(lua_State *L, const struct view *view) {
  struct json_scan scan = scan_of(view), found = {NULL, NULL};
  size_t len;
  const char *asked = lua_tolstring(L, 2, &len);
  int more = json_enter(&scan, '}');
  while (more > 0) {
    struct json_string key;
    if (json_scan_key(&scan, &key) != 0)
      break;
    struct json_scan value = take_value(&scan);
    if (key_is_asked(L, &key, asked, len))
      found = value;
    more = json_next(&scan, '}');
  }
  if (found.at)
    push_value(L, view, found);
  else
    lua_pushnil(L);
}

/* Goes to an item of the array; whether it is there. */
static bool find_item(struct view *view, lua_Integer wanted,
                      struct json_scan *scan) {
  bool is_ahead = view->item > 0 && view->item <= wanted;
  lua_Integer item = is_ahead ? view->item : 1;
  int more = 1;
  if (is_ahead)
    scan->at += view->item_at;
  else
    more = json_enter(scan, ']');
  for (; more > 0 && item < wanted; item++) {
    (void)take_value(scan);
    more = json_next(scan, ']');
  }
  if (more <= 0)
    return false;
  view->item = wanted;
  view->item_at = (size_t)(scan->at - view->text);
  return true;
}

/* Pushes the item that the number at index 2 names, or nil. */
static void push_item(lua_State *L, struct view *view) {
  struct json_scan scan = scan_of(view);
  int is_whole;
  lua_Integer wanted = lua_tointegerx(L, 2, &is_whole);
  if (is_whole && wanted >= 1 && find_item(view, wanted, &scan))
    push_value(L, view, take_value(&scan));
  else
    lua_pushnil(L);
}

/* (view, key) → value, as of a table */
static int view_index(lua_State *L) {
  struct view *view = check_view(L);
  int type = lua_type(L, 2),
      wanted = is_array(view) ? LUA_TNUMBER : LUA_TSTRING;
  if (type != wanted)
    lua_pushnil(L);
  else if (type == LUA_TNUMBER)
    push_item(L, view);
  else
    push_field(L, view);
  return 1;
}

static lua_Integer count_items(const struct view *view) {
  struct json_scan scan = scan_of(view);
  lua_Integer count = 0;
  int more = json_enter(&scan, ']');
  for (; more > 0; count++) {
    (void)take_value(&scan);
    more = json_next(&scan, ']');
  }
  return count;
}

static int view_len(lua_State *L) {
  struct view *view = check_view(L);
  if (view->count < 0)
    view->count = is_array(view) ? count_items(view) : 0;
  lua_pushinteger(L, view->count);
  return 1;
}

/* --- all of it ------------------------------------------------------------ */

static void set_fields(lua_State *L, const struct view *view) {
  struct json_scan scan = scan_of(view);
  struct json_string key;
  int more = json_enter(&scan, '}');
  while (more > 0 && json_scan_key(&scan, &key) == 0) {
    json_decode(L, key.text - 1, key.len + 2); /* with its quotes */
    push_value(L, view, take_value(&scan));    /* table key value */
    lua_rawset(L, -3);
    more = json_next(&scan, '}');
  }
}

static void set_items(lua_State *L, const struct view *view) {
  struct json_scan scan = scan_of(view);
  int more = json_enter(&scan, ']');
  for (lua_Integer i = 1; more > 0; i++) {
    push_value(L, view, take_value(&scan));
    lua_rawseti(L, -2, i);
    more = json_next(&scan, ']');
  }
}

/* (view) → next, a table of what is in it, nil. So it is walked over as a
 * table is: in that order, and each key once. Upvalue 1 is Lua's next. */
static int view_pairs(lua_State *L) {
  const struct view *view = check_view(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_newtable(L);
  if (is_array(view))
    set_items(L, view);
  else
    set_fields(L, view);
  lua_pushnil(L);
  return 3;
}

/* (view) → the table that it stands for */
static int view_call(lua_State *L) {
  const struct view *view = check_view(L);
  json_decode(L, view->text, view->part.len);
  return 1;
}

static int view_tostring(lua_State *L) {
  const struct view *view = check_view(L);
  lua_pushlstring(L, view->text, view->part.len);
  return 1;
}

static int view_newindex(lua_State *L) {
  return luaL_error(L, "a view cannot be written: data() is a table of your "
                       "own");
}

/* --- views ---------------------------------------------------------------- */

static const luaL_Reg view_metamethods[] = {
    {"__index", view_index}, {"__newindex", view_newindex}, {"__len", view_len},
    {"__call", view_call},   {"__tostring", view_tostring}, {NULL, NULL},
};

int json_view_setup(lua_State *L) {
  lua_newtable(L);
  luaL_setfuncs(L, view_metamethods, 0);
  lua_getglobal(L, "next");
  lua_pushcclosure(L, view_pairs, 1);
  lua_setfield(L, -2, "__pairs");
  lua_pushstring(L, view_name);
  lua_setfield(L, -2, "__name");
  lua_pushboolean(L, false);
  lua_setfield(L, -2, "__metatable");
  return luaL_ref(L, LUA_REGISTRYINDEX);
}

void json_view_push(lua_State *L, int views, struct json_part part) {
  if (*part.text == '{' || *part.text == '[')
    push_view(L, views, part);
  else
    json_decode(L, part.text, part.len);
}

const struct json_part *json_view_at(lua_State *L, int index) {
  const struct view *view = find_view(L, index);
  return view ? &view->part : NULL;
}
