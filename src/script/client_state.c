/* SPDX-License-Identifier: MIT
 * client.state goes from one generation to the next: as plain data, packed in
 * one Lua state and made anew in the other. */
#include "script/client_state.h"

#include "base/err.h"
#include "base/log.h"
#include "hub/conn.h"
#include "script/client_box.h"
#include "script/generation.h"
#include "script/lib_client.h"
#include "script/pack.h"

#include <lauxlib.h>
#include <stdio.h>

/* What copying the states of all clients may take: nobody is served. */
enum { INHERIT_MS = 2000 };

/* What one client's state may take while it is copied. */
enum { STATE_BYTES = 16 << 20 };

/* `from` has a box on top. */
static void copy_state(lua_State *from, lua_State *to) {
  const struct client_box *box = lua_touserdata(from, -1);
  if (lua_getiuservalue(from, -1, FIELD_STATE) == LUA_TTABLE && box->conn) {
    struct generation *generation = generation_of(to);
    struct buf *packed = &generation->scratch;
    char name[64];
    struct pack_from state = {from, lua_gettop(from), name, STATE_BYTES,
                              &generation->budget};
    snprintf(name, sizeof name, "conn=%llu client.state",
             (unsigned long long)box->conn->id);
    lib_client_push(to, box->conn);
    buf_reset(packed, GENERATION_SCRATCH_KEEP);
    pack_write(&state, to, packed);
    lua_pushlstring(to, packed->data, packed->len);
    pack_read(to);
    lua_setiuservalue(to, -2, FIELD_STATE);
    lua_pop(to, 1);
  }
  lua_pop(from, 1);
}

static void copy_one(lua_State *from, lua_State *to, struct conn *conn) {
  lua_rawgeti(from, LUA_REGISTRYINDEX, generation_of(from)->clients);
  if (lua_rawgeti(from, -1, conn->slot) == LUA_TUSERDATA)
    copy_state(from, to);
  lua_pop(from, 2);
}

static void copy_all(lua_State *from, lua_State *to) {
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
static int copy_one_from(lua_State *L) {
  const struct generation *from = lua_touserdata(L, 1);
  copy_one(from->L, L, lua_touserdata(L, 2));
  return 0;
}

void client_state_hand_over(struct generation *from, struct conn *conn) {
  struct generation *live = from->host->live;
  if (from == live)
    return;
  lua_State *L = live->L;
  int top = lua_gettop(from->L);
  lua_pushcfunction(L, copy_one_from);
  lua_pushlightuserdata(L, from);
  lua_pushlightuserdata(L, conn);
  if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
    log_error("gen=%u what a handler of gen=%u wrote is lost: %s", live->number,
              from->number, lua_tostring(L, -1));
    lua_pop(L, 1);
  }
  lua_settop(from->L, top);
}
