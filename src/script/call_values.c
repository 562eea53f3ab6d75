/* SPDX-License-Identifier: MIT
 * The arguments of a call and its results. */
#include "script/call_values.h"

#include "base/utf8.h"
#include "script/generation.h"
#include "script/json.h"
#include "script/json_view.h"
#include "script/lib_client.h"
#include "script/promise.h"
#include "script/web_request.h"

#include <lauxlib.h>

static void push_arg(lua_State *L, const struct call *call,
                     const struct call_arg *arg) {
  switch (arg->kind) {
  case CALL_CLIENT:
    lib_client_push(L, call->spec.conn);
    break;
  case CALL_STRING:
    lua_pushlstring(L, arg->text, arg->len);
    break;
  case CALL_JSON:
    json_decode_sized(L, arg->text, arg->len, &call->spec.look);
    break;
  case CALL_VIEW:
    json_view_push(L, call->generation->views,
                   (struct json_part){arg->text, arg->len, call->spec.look});
    break;
  case CALL_WEB:
    web_request_push(L, call->spec.web);
    break;
  case CALL_NIL:
    lua_pushnil(L);
    break;
  case CALL_TRUE:
  case CALL_FALSE:
    lua_pushboolean(L, arg->kind == CALL_TRUE);
    break;
  }
}

void call_push_args(lua_State *L, const struct call *call) {
  for (int i = 0; i < call->spec.nargs; i++)
    push_arg(L, call, &call->spec.args[i]);
}

/* --- refusals ------------------------------------------------------------ */

static const char *check_refusal_text(lua_State *L, int index,
                                      const struct generation *generation) {
  size_t len, most = generation->sending.bytes;
  const char *text = lua_tolstring(L, index, &len);
  if (len > most)
    luaL_error(L,
               "an error code or text has more than %I bytes "
               "(limits.send_bytes)",
               (LUAI_UACINT)most);
  if (!utf8_valid(text, len))
    luaL_error(L, "an error code or text is not valid UTF-8");
  return text;
}

/* The fourth value of a refusal. */
static void encode_refusal_data(lua_State *L, struct call *call) {
  struct buf *out = &call->generation->scratch;
  buf_reset(out, GENERATION_SCRATCH_KEEP);
  json_encode(L, 4, out, &call->generation->sending);
  call->result.value[0] = (struct call_arg){CALL_JSON, out->data, out->len};
}

bool call_take_refusal(lua_State *L, struct call *call) {
  const struct generation *generation = call->generation;
  if (!lua_isnil(L, 1) || lua_isnoneornil(L, 2))
    return false;
  if (lua_type(L, 2) != LUA_TSTRING)
    luaL_error(L, "the error code after nil must be a string, not a %s",
               luaL_typename(L, 2));
  int text = lua_type(L, 3) == LUA_TSTRING ? 3 : 2;
  call->result.verdict = CALL_REFUSED;
  call->result.code = check_refusal_text(L, 2, generation);
  call->result.text = check_refusal_text(L, text, generation);
  if (!lua_isnoneornil(L, 4))
    encode_refusal_data(L, call);
  return true;
}

/* --- results ------------------------------------------------------------- */

/* The values are written one behind the other. The buffer may move while it
 * grows: the texts are set when all of it is written. */
void call_encode_results(lua_State *L, struct call *call) {
  struct buf *out = &call->generation->scratch;
  size_t ends[CALL_RESULTS_MAX] = {0};
  buf_reset(out, GENERATION_SCRATCH_KEEP);
  for (int i = 0; i < call->spec.results; i++) {
    if (!lua_isnoneornil(L, i + 1))
      json_encode(L, i + 1, out, &call->generation->sending);
    ends[i] = out->len;
  }
  size_t start = 0;
  for (int i = 0; i < call->spec.results; i++) {
    call->result.value[i] =
        (struct call_arg){CALL_JSON, out->data + start, ends[i] - start};
    start = ends[i];
  }
  if (call->spec.results)
    promise_check_reply(L, call, out->data, ends[0]);
}

void call_check_unasked(lua_State *L, struct call *call) {
  struct buf *out = &call->generation->scratch;
  buf_reset(out, GENERATION_SCRATCH_KEEP);
  if (!lua_isnoneornil(L, 1))
    json_encode(L, 1, out, &call->generation->sending);
  promise_check_reply(L, call, out->data, out->len);
}
