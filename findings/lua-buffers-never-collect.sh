#!/bin/sh
# SPDX-License-Identifier: MIT
# Lua 5.4, with an allocator that has a limit: a text that is joined with `..`
# makes Lua collect its garbage when memory is short; string.rep, table.concat
# and gsub of the same size fail with "not enough memory" while all the garbage
# is still there.
# Guess: Lua collects before it says that memory is short, wherever it is asked
# for. (luaL_Buffer asks the allocator by itself once its text is longer than
# its own array.)
. "$(dirname "$0")/lib/findings.sh"
debian gcc libc6-dev liblua5.4-dev
cat >"$folder/limited.c" <<'END'
#include <lua5.4/lauxlib.h>
#include <lua5.4/lualib.h>
#include <stdio.h>
#include <stdlib.h>

static size_t used, limit = 8 << 20;

static void *take(void *arg, void *block, size_t old, size_t size)
{
  (void)arg;
  if (!block)
    old = 0; /* else it is a kind of object */
  if (size > old && used + size - old > limit)
    return NULL;
  used += size - old;
  if (size)
    return realloc(block, size);
  free(block);
  return NULL;
}

int main(int argc, char **argv)
{
  lua_State *L = lua_newstate(take, NULL);
  luaL_openlibs(L);
  (void)argc;
  lua_gc(L, LUA_GCSTOP); /* so that the garbage is there for certain */
  if (luaL_dostring(L, argv[1]))
    puts(lua_tostring(L, -1));
  lua_close(L);
}
END
gcc -o "$folder/limited" "$folder/limited.c" -llua5.4

# Nearly all of the 8 MB are garbage. Then a text of 200,000 bytes is made.
try() {
  "$folder/limited" '
    local half = ("x"):rep(100000)
    local parts, other = { half, half }, half .. "y"
    while collectgarbage("count") < 8050 do local _ = half .. math.random() end
    local ok, what = pcall(function() '"$1"' end)
    print(ok and #what or what)'
}

try 'return half .. other' | expect 'joined with ..' 200001
try 'return ("x"):rep(200000)' | expect 'string.rep' 'not enough memory'
try 'return table.concat(parts)' | expect 'table.concat' 'not enough memory'
try 'return (half:gsub("x", "xx"))' | expect 'gsub' 'not enough memory'
