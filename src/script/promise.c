/* SPDX-License-Identifier: MIT
 * Whether what scripts send is what they have declared. */
#include "script/promise.h"

#include "base/err.h"
#include "base/log.h"
#include "config/config.h"
#include "script/generation.h"

#include <lauxlib.h>

enum { WHY_KEEP = 1024 };

/* Whether it is the turn of this message to be looked at. */
static bool is_sampled(struct generation *generation) {
  if (!generation->config->script_check_sent &&
      ++generation->promises % PROMISE_EVERY != 0)
    return false;
  generation->host->stats->promises_checked++;
  return true;
}

/* In production: counted, and said once. `told` is of what it is about. */
static void note_broken(struct generation *generation, bool *told,
                        const char *what, const char *name) {
  const struct buf *why = &generation->why;
  generation->host->stats->promises_broken++;
  if (*told)
    return;
  *told = true;
  log_warn("gen=%u %s '%s' is not as it was declared: %.*s (said once, see "
           "perigee_promises_broken_total)",
           generation->number, what, name, (int)why->len, why->data);
}

static bool fits(struct generation *generation, const struct schema *schema,
                 const char *json, size_t len) {
  buf_reset(&generation->why, WHY_KEEP);
  return schema_check(schema, json, len, &generation->why) == 0;
}

/* --- replies -------------------------------------------------------------- */

static bool has_promise(const struct call *call) {
  return call->spec.handler->reply && !call->spec.function;
}

bool promise_wants_reply(const struct call *call) {
  return has_promise(call) && call->generation->config->script_check_sent;
}

void promise_check_reply(lua_State *L, struct call *call, const char *json,
                         size_t len) {
  struct generation *generation = call->generation;
  const struct handler *handler = call->spec.handler;
  if (!has_promise(call) || !is_sampled(generation) ||
      fits(generation, handler->reply, len > 0 ? json : NULL, len))
    return;
  if (!generation->config->script_check_sent) {
    note_broken(generation, &((struct handler *)handler)->told_reply,
                "the reply of", handler->name);
    return;
  }
  lua_pushlstring(L, generation->why.data, generation->why.len);
  luaL_error(L, "the reply is not as `reply` of '%s' declares it: %s",
             handler->name, lua_tostring(L, -1));
}

/* --- pushes --------------------------------------------------------------- */

/* The handler that runs; NULL: a hook, a timer or a spawned function, which
 * declare nothing of their own. */
static const struct handler *running_handler(const struct generation *at) {
  const struct call *call = at->current;
  return call && !call->spec.function ? call->spec.handler : NULL;
}

static bool names_push(const struct handler *handler, const struct push *push) {
  for (size_t i = 0; i < handler->emit_count; i++)
    if (handler->emits[i] == push)
      return true;
  return false;
}

/* A handler that says what it emits emits nothing else. */
static void check_named(lua_State *L, struct generation *generation,
                        const struct push *push, const char *type) {
  const struct handler *handler = running_handler(generation);
  if (!handler || !handler->says_emits || (push && names_push(handler, push)))
    return;
  if (generation->config->script_check_sent)
    luaL_error(L, "'%s' sends '%s', which its `emits` does not name",
               handler->name, type);
  buf_reset(&generation->why, WHY_KEEP);
  buf_printf(&generation->why, "it sends '%s', which `emits` does not name",
             type);
  note_broken(generation, &((struct handler *)handler)->told_emits,
              "what is sent by", handler->name);
}

void promise_check_push(lua_State *L, const char *type, size_t type_len,
                        const char *json, size_t len) {
  struct generation *generation = generation_of(L);
  struct push *push;
  HASH_FIND(hh, generation->pushes, type, type_len, push);
  if (!is_sampled(generation))
    return;
  check_named(L, generation, push, type);
  if (!push || fits(generation, push->schema, json, len))
    return;
  if (!generation->config->script_check_sent) {
    note_broken(generation, &push->told, "the message", type);
    return;
  }
  lua_pushlstring(L, generation->why.data, generation->why.len);
  luaL_error(L, "'%s' is not as `emits` declares it: %s", type,
             lua_tostring(L, -1));
}
