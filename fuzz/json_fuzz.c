/* SPDX-License-Identifier: MIT
 * What json_check accepts is decoded and encoded; what comes out is JSON, and
 * from then on the text does not change any more. */
#include "base/utf8.h"
#include "script/json.h"
#include "script/json_mark.h"
#include "wire/json.h"

#include <lauxlib.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct json_bound bound = {.bytes = 16 << 20};

/* Arguments: the text and the buffer for the new one. */
static int recode(lua_State *L) {
  size_t len;
  const char *text = lua_tolstring(L, 1, &len);
  struct buf *out = lua_touserdata(L, 2);
  json_decode(L, text, len);
  out->len = 0;
  json_encode(L, -1, out, &bound);
  return 0;
}

static void recode_or_abort(lua_State *L, const char *text, size_t len,
                            struct buf *out) {
  lua_pushcfunction(L, recode);
  lua_pushlstring(L, text, len);
  lua_pushlightuserdata(L, out);
  if (lua_pcall(L, 2, 0, 0) != LUA_OK || json_check(out->data, out->len, NULL))
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static lua_State *L;
  static struct buf once, twice;
  const char *text = size ? (const char *)data : "";
  size_t at = 0;
  if (!L) {
    L = luaL_newstate();
    json_setup(L);
  }
  if (json_check(text, size, &at) != 0) {
    if (at > size)
      abort();
    return 0;
  }
  if (!utf8_valid(text, size))
    abort();
  recode_or_abort(L, text, size, &once);
  recode_or_abort(L, once.data, once.len, &twice);
  /* Keys may change places, so only the length is the same. */
  if (once.len != twice.len)
    abort();
  return 0;
}
