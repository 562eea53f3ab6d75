/* SPDX-License-Identifier: MIT
 * client.state goes from one generation to the next: as plain data, packed in
 * one Lua state and made anew in the other. */
#include "hub/conn.h"
#include "script/client_box.h"
#include "script/generation.h"
#include "script/lib_client.h"
#include "script/pack.h"

#include <lauxlib.h>
#include <stdio.h>

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

void lib_client_copy_state(lua_State *from, lua_State *to, struct conn *conn) {
  lua_rawgeti(from, LUA_REGISTRYINDEX, generation_of(from)->clients);
  if (lua_rawgeti(from, -1, conn->slot) == LUA_TUSERDATA)
    copy_state(from, to);
  lua_pop(from, 2);
}

void lib_client_copy_states(lua_State *from, lua_State *to) {
  lua_rawgeti(from, LUA_REGISTRYINDEX, generation_of(from)->clients);
  lua_pushnil(from);
  while (lua_next(from, -2)) { /* from: clients conn box */
    copy_state(from, to);
    lua_pop(from, 1);
  }
  lua_pop(from, 1);
}
