/* SPDX-License-Identifier: MIT
 * client.state goes from one generation to the next.
 *
 * The problem: a reload makes another Lua state, and no table can be in two. So
 * the table of each client is packed in the old state, as plain data, and made
 * anew in the new one (client_state_inherit). That happens in one go, between
 * two steps of handlers, before anything of the new generation runs. A value
 * that is not plain data refuses the reload.
 *
 * After that two tables exist. Usually nobody looks at the old one any more.
 * But a handler of the old generation may wait, and write to its table
 * afterwards, while the new generation writes to the new one. What it writes
 * must not get lost, and must not undo what the new one wrote. So three tables
 * are compared, as a version control does when it merges:
 *
 *   base     as it was copied; the new state keeps it for clients that have
 *            such a handler (`bases`, by box)
 *   theirs   the old table, as it is when the handler has ended
 *   mine     the new table at that moment
 *
 * For each key (client_state_hand_over): if theirs is the same as base, nothing
 * happens. Else, if mine is the same as base, mine takes theirs. If both have
 * changed it, mine stays, as it is newer, and the log says so.
 *
 * The base is then what was taken over last (theirs), as another handler of the
 * same client may still wait. When none does, the base is dropped. A handler
 * may outlive several reloads: each copy of the state brings the base of the
 * generation before along (copy_base), so that its changes are found against
 * what it started from. */
#include "script/client_state.h"

#include "base/err.h"
#include "base/log.h"
#include "hub/conn.h"
#include "script/client_box.h"
#include "script/generation.h"
#include "script/json_mark.h"
#include "script/lib_client.h"
#include "script/pack.h"

#include <lauxlib.h>
#include <stdio.h>

/* What copying the states of all clients may take: nobody is served. */
enum { INHERIT_MS = 2000 };

/* What one client's state may take while it is copied. */
enum { STATE_BYTES = 16 << 20 };

/* Key in the registry: the bases by their boxes, which are weak keys. */
static const char bases;

static void push_bases(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &bases) == LUA_TTABLE)
    return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &bases);
}

/* Takes the value on top; nil: there is none any more. */
static void set_base(lua_State *L, int box) {
  push_bases(L);
  lua_pushvalue(L, box);
  lua_pushvalue(L, -3);
  lua_rawset(L, -3); /* value bases */
  lua_pop(L, 2);
}

/* Pushes it, or nil. Neither allocates nor raises. */
static void push_base(lua_State *L, int box) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &bases) == LUA_TTABLE) {
    lua_pushvalue(L, box);
    lua_rawget(L, -2);
    lua_remove(L, -2);
  }
}

/* Pushes in `to` what is at the top in `from`. */
static void copy_plain(lua_State *from, lua_State *to,
                       const struct conn *conn) {
  struct generation *generation = generation_of(to);
  struct buf *packed = &generation->scratch;
  char name[64];
  struct pack_from state = {from, lua_gettop(from), name, STATE_BYTES,
                            &generation->budget};
  snprintf(name, sizeof name, "conn=%llu client.state",
           (unsigned long long)conn->id);
  buf_reset(packed, GENERATION_SCRATCH_KEEP);
  pack_write(&state, to, packed);
  lua_pushlstring(to, packed->data, packed->len);
  pack_read(to);
}

/* Pushes in `to` the base of a client that a handler waits for: that of one
 * which is older still, or what is copied now. */
static void copy_base(lua_State *from, int from_box, lua_State *to,
                      const struct conn *conn) {
  push_base(from, from_box);
  if (!lua_istable(from, -1)) {
    lua_pop(from, 1);
    lua_getiuservalue(from, from_box, FIELD_STATE);
  }
  copy_plain(from, to, conn);
}

/* `from` has a box on top. */
static void copy_state(lua_State *from, lua_State *to) {
  const struct client_box *box = lua_touserdata(from, -1);
  int from_box = lua_gettop(from), to_box = lua_gettop(to) + 1;
  if (lua_getiuservalue(from, -1, FIELD_STATE) == LUA_TTABLE && box->conn) {
    lib_client_push(to, box->conn);
    copy_plain(from, to, box->conn);
    lua_setiuservalue(to, to_box, FIELD_STATE);
    if (!list_empty(&box->conn->calls)) {
      copy_base(from, from_box, to, box->conn);
      set_base(to, to_box);
    }
    lua_settop(to, to_box - 1);
  }
  lua_settop(from, from_box);
}

/* --- taking over -------------------------------------------------------- */

/* Whether two values are the same, whichever table they are in. One of them
 * came out of pack_read: it is a tree, and of limited depth. */
static bool same_data(lua_State *L, int a, int b) {
  if (!lua_istable(L, a) || !lua_istable(L, b))
    return lua_rawequal(L, a, b) && lua_type(L, a) == lua_type(L, b) &&
           lua_isinteger(L, a) == lua_isinteger(L, b);
  luaL_checkstack(L, 4, "client.state");
  long pairs = 0;
  int top = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, a); lua_pop(L, 2), pairs++) {
    lua_pushvalue(L, -2);
    lua_rawget(L, b); /* key value other */
    if (!same_data(L, top + 2, top + 3)) {
      lua_settop(L, top);
      return false;
    }
  }
  for (lua_pushnil(L); pairs >= 0 && lua_next(L, b); lua_pop(L, 1))
    pairs--;
  lua_settop(L, top);
  return pairs == 0 && json_is_array(L, a) == json_is_array(L, b);
}

/* The stack when a state is taken over. */
enum { BOX = 1, MINE, THEIRS, BASE, KEY, MY_VALUE, THEIR_VALUE, BASE_VALUE };

/* The key at KEY, which the handler may have changed. */
static void merge_key(lua_State *L, const struct conn *conn) {
  for (int table = MINE; table <= BASE; table++) {
    lua_pushvalue(L, KEY);
    lua_rawget(L, table);
  }
  if (same_data(L, BASE_VALUE, THEIR_VALUE)) {
    lua_settop(L, KEY);
    return;
  }
  if (same_data(L, BASE_VALUE, MY_VALUE)) {
    lua_pushvalue(L, KEY);
    lua_pushvalue(L, THEIR_VALUE);
    lua_rawset(L, MINE);
  } else if (!same_data(L, THEIR_VALUE, MY_VALUE)) {
    lua_pushvalue(L, KEY);
    log_warn("gen=%u conn=%llu client.state[%s] was written by a handler of "
             "the generation before, and since the reload: what is newer stays",
             generation_of(L)->number, (unsigned long long)conn->id,
             luaL_tolstring(L, -1, NULL));
  }
  lua_settop(L, KEY);
}

/* What came, and what was there. */
static void merge_states(lua_State *L, const struct conn *conn) {
  lua_pushnil(L);
  while (lua_next(L, THEIRS)) {
    lua_settop(L, KEY);
    merge_key(L, conn);
  }
  lua_pushnil(L);
  while (lua_next(L, BASE)) {
    lua_settop(L, KEY);
    lua_pushvalue(L, KEY);
    if (lua_rawget(L, THEIRS) == LUA_TNIL) {
      lua_settop(L, KEY);
      merge_key(L, conn);
    }
    lua_settop(L, KEY);
  }
}

/* Puts a table in the place of the value on top, if it is none. */
static void need_table(lua_State *L) {
  if (lua_istable(L, -1))
    return;
  lua_pop(L, 1);
  lua_newtable(L);
}

/* `from` has the state on top, `to` has nothing. */
static void take_over(lua_State *from, lua_State *to, struct conn *conn) {
  lib_client_push(to, conn);
  lua_getiuservalue(to, BOX, FIELD_STATE);
  need_table(to);
  lua_pushvalue(to, MINE);
  lua_setiuservalue(to, BOX, FIELD_STATE);
  copy_plain(from, to, conn);
  push_base(to, BOX);
  need_table(to);
  merge_states(to, conn);
  lua_settop(to, THEIRS);
  if (list_empty(&conn->calls))
    lua_pushnil(to);
  set_base(to, BOX);
}

static void take_one(lua_State *from, lua_State *to, struct conn *conn) {
  lua_settop(to, 0);
  lua_rawgeti(from, LUA_REGISTRYINDEX, generation_of(from)->clients);
  if (lua_rawgeti(from, -1, conn->slot) != LUA_TUSERDATA)
    return;
  const struct client_box *box = lua_touserdata(from, -1);
  if (box->conn == conn &&
      lua_getiuservalue(from, -1, FIELD_STATE) == LUA_TTABLE)
    take_over(from, to, conn);
}

static void copy_all(lua_State *from, lua_State *to) {
  lua_pushnil(to);
  lua_rawsetp(to, LUA_REGISTRYINDEX, &bases); /* of an earlier try */
  lua_rawgeti(from, LUA_REGISTRYINDEX, generation_of(from)->clients);
  lua_pushnil(from);
  while (lua_next(from, -2)) { /* from: clients conn box */
    copy_state(from, to);
    lua_pop(from, 1);
  }
  lua_pop(from, 1);
}

static int copy_all_from(lua_State *L) {
  const struct generation *from = lua_touserdata(L, 1);
  copy_all(from->L, L);
  return 0;
}

int client_state_inherit(struct generation *generation, struct generation *from,
                         struct buf *error) {
  lua_State *L = generation->L;
  int top = lua_gettop(from->L);
  lua_pushcfunction(L, copy_all_from);
  lua_pushlightuserdata(L, from);
  budget_start(&generation->budget, INHERIT_MS);
  int status = lua_pcall(L, 1, 0, 0);
  budget_stop(&generation->budget);
  lua_settop(from->L, top);
  if (status == LUA_OK)
    return 0;
  buf_puts(error, lua_tostring(L, -1));
  lua_pop(L, 1);
  return ERR_SCRIPT;
}

/* (from, conn) */
static int take_one_from(lua_State *L) {
  const struct generation *from = lua_touserdata(L, 1);
  take_one(from->L, L, lua_touserdata(L, 2));
  return 0;
}

void client_state_hand_over(struct generation *from, struct conn *conn) {
  struct generation *live = from->host->live;
  if (from == live)
    return;
  lua_State *L = live->L;
  int top = lua_gettop(from->L);
  lua_pushcfunction(L, take_one_from);
  lua_pushlightuserdata(L, from);
  lua_pushlightuserdata(L, conn);
  if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
    log_error("gen=%u what a handler of gen=%u wrote is lost: %s", live->number,
              from->number, lua_tostring(L, -1));
    lua_pop(L, 1);
  }
  lua_settop(from->L, top);
}
