/* SPDX-License-Identifier: MIT
 * Metrics of scripts: counter, gauge, histogram.
 *
 * Each is one call that names the series and notes a value, like a log line.
 * There is no object to keep: a series outlives the generation that noted it.
 */
#include "script/lib_metrics.h"

#include "base/err.h"
#include "base/utf8.h"
#include "engine/metrics.h"
#include "script/generation.h"
#include "script/message.h"
#include "wire/json.h"

#include <lauxlib.h>
#include <math.h>

enum { NAME = 1, VALUE = 2, LABELS = 3 };

/* The entry on top of the stack, key and value; the value's text takes a
 * place below the key, where it lives as long as the label is used. */
static void take_label(lua_State *L, struct metrics_label *label) {
  if (lua_type(L, -2) != LUA_TSTRING || !metrics_label_ok(lua_tostring(L, -2)))
    luaL_error(L, "label '%s' is not a name of A-Z a-z 0-9 _, or is reserved",
               luaL_tolstring(L, -2, NULL));
  label->name = lua_tostring(L, -2);
  int type = lua_type(L, -1);
  if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN)
    luaL_error(L, "label '%s' must be a string, a number or a boolean, not %s",
               label->name, lua_typename(L, type));
  label->value = luaL_tolstring(L, -1, &label->len); /* key value text */
  if (!utf8_valid(label->value, label->len))
    luaL_error(L, "label '%s' is not valid UTF-8", label->name);
  lua_insert(L, -3);
  lua_pop(L, 1); /* text key */
}

static void read_labels(lua_State *L, char out[METRICS_LABELS_BYTES]) {
  struct metrics_label labels[METRICS_LABELS_MAX];
  size_t count = 0;
  lua_settop(L, LABELS);
  if (!lua_isnil(L, LABELS)) {
    luaL_checktype(L, LABELS, LUA_TTABLE);
    luaL_checkstack(L, METRICS_LABELS_MAX + 4, NULL);
    lua_pushnil(L);
    while (lua_next(L, LABELS)) {
      if (count == METRICS_LABELS_MAX)
        luaL_error(L, "more than %d labels", METRICS_LABELS_MAX);
      take_label(L, &labels[count++]);
    }
  }
  if (metrics_labels(labels, count, out))
    luaL_error(L, "the labels are longer than %d bytes", METRICS_LABELS_BYTES);
}

static int note_metric(lua_State *L, enum metrics_kind kind, double value) {
  char labels[METRICS_LABELS_BYTES];
  const char *name = luaL_checkstring(L, NAME);
  message_check_live(L);
  luaL_argcheck(L, metrics_name_ok(name), NAME,
                "a name is made of A-Z a-z 0-9 _ : and does not begin with a "
                "digit, perigee_ or process_");
  luaL_argcheck(L, isfinite(value), VALUE, "not a finite number");
  read_labels(L, labels);
  struct metrics *metrics = generation_of(L)->host->metrics;
  if (metrics_note(metrics, kind, name, labels, value) == ERR_BAD_REQUEST)
    return luaL_error(L, "metric '%s' is of another kind already", name);
  return 0; /* too many series: the log says it, the handler goes on */
}

/* (name, amount?, labels?) */
static int note_counter(lua_State *L) {
  double amount = luaL_optnumber(L, VALUE, 1);
  luaL_argcheck(L, !(amount < 0), VALUE, "a counter never goes down");
  return note_metric(L, METRICS_COUNTER, amount);
}

/* (name, value, labels?) */
static int note_gauge(lua_State *L) {
  return note_metric(L, METRICS_GAUGE, luaL_checknumber(L, VALUE));
}

/* (name, value, labels?) */
static int note_histogram(lua_State *L) {
  return note_metric(L, METRICS_HISTOGRAM, luaL_checknumber(L, VALUE));
}

static const luaL_Reg functions[] = {
    {"counter", note_counter},
    {"gauge", note_gauge},
    {"histogram", note_histogram},
    {NULL, NULL},
};

void lib_metrics_open(lua_State *L) {
  luaL_newlib(L, functions);
  lua_setfield(L, -2, "metrics");
}
