/* SPDX-License-Identifier: MIT
 * The store for scripts, shared with other machines.
 *
 * The same functions as those of lib_store, but each asks, and waits. When the
 * answer does not come they return nil, UNAVAILABLE and a text.
 *
 * update() is a loop of questions: what is there; then, again and again, "this
 * instead of that", whose answer may be what is there by now. */
#include "script/far_store.h"

#include "base/err.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "hub/manager.h"
#include "script/generation.h"
#include "script/pack.h"
#include "script/store_args.h"
#include "script/wait.h"

#include <lauxlib.h>

struct far_asking {
  struct waiter waiter;
  struct engine *engine;
  struct engine_wait *wait; /* NULL: it was answered */
  int tries;                /* of update */
  struct far_answer answer; /* its own */
};

static void end_far_asking(struct waiter *waiter) {
  struct far_asking *asking = container_of(waiter, struct far_asking, waiter);
  if (asking->wait)
    engine_give_up(asking->engine, asking->wait);
  buf_free(&asking->answer.bytes);
  mem_free(asking);
}

static void on_far_answer(void *arg, struct far_answer *answer) {
  struct far_asking *asking = arg;
  asking->wait = NULL;
  asking->answer = *answer;
  answer->bytes = (struct buf){0};
  wait_wake(&asking->waiter);
}

/* Asks; then the caller waits (wait_begin), and nothing may raise before. */
static struct far_asking *ask_far(lua_State *L, const struct waiter_kind *kind,
                                  const struct far_call *call) {
  const struct manager *manager = generation_of(L)->host->manager;
  struct far_asking *asking = mem_alloc(sizeof *asking);
  asking->waiter.kind = kind;
  asking->engine = manager->others;
  asking->wait = engine_ask_store(manager->others, manager->worker, call,
                                  on_far_answer, asking);
  return asking;
}

static int wait_for_far(lua_State *L, const struct waiter_kind *kind,
                        const struct far_call *call) {
  return wait_begin(L, &ask_far(L, kind, call)->waiter);
}

/* --- what comes back ------------------------------------------------------ */

static struct far_answer *answer_of(struct waiter *waiter) {
  return &container_of(waiter, struct far_asking, waiter)->answer;
}

static int push_unavailable(lua_State *L, const struct far_answer *answer) {
  lua_pushnil(L);
  lua_pushstring(L, err_name((enum err)answer->err));
  lua_pushstring(L, answer->why);
  return 3;
}

/* Other processes have written it: nothing is believed. */
static int push_far_value(lua_State *L, const struct far_answer *answer) {
  const struct store_value *value = &answer->value;
  if (answer->strange ||
      (value->kind == STORE_BYTES && !pack_is_valid(value->bytes, value->len)))
    return luaL_error(L,
                      "store: the value of '%s' was not written by this "
                      "version of the server",
                      lua_tostring(L, 1));
  return store_args_push(L, value);
}

static int push_got(lua_State *L, struct waiter *waiter) {
  const struct far_answer *answer = answer_of(waiter);
  if (answer->err)
    return push_unavailable(L, answer);
  if (answer->done)
    return push_far_value(L, answer);
  lua_pushnil(L);
  return 1;
}

static int push_done(lua_State *L, struct waiter *waiter) {
  const struct far_answer *answer = answer_of(waiter);
  if (answer->err)
    return push_unavailable(L, answer);
  lua_pushboolean(L, answer->done);
  return 1;
}

static int push_set(lua_State *L, struct waiter *waiter) {
  const struct far_answer *answer = answer_of(waiter);
  if (answer->err)
    return push_unavailable(L, answer);
  lua_pushboolean(L, true);
  return 1;
}

static int push_counted(lua_State *L, struct waiter *waiter) {
  const struct far_answer *answer = answer_of(waiter);
  struct store_key key = {.bytes = lua_tostring(L, 1)};
  if (answer->err)
    return push_unavailable(L, answer);
  return store_args_push_sum(L, key, answer->verdict, &answer->value);
}

static int push_listed(lua_State *L, struct waiter *waiter) {
  const struct far_answer *answer = answer_of(waiter);
  if (answer->err)
    return push_unavailable(L, answer);
  return store_args_push_keys(L, &answer->bytes, answer->count, answer->more);
}

static const struct waiter_kind get_kind = {"store.get", push_got,
                                            end_far_asking};
static const struct waiter_kind set_kind = {"store.set", push_set,
                                            end_far_asking};
static const struct waiter_kind add_kind = {"store.add", push_done,
                                            end_far_asking};
static const struct waiter_kind incr_kind = {"store.incr", push_counted,
                                             end_far_asking};
static const struct waiter_kind delete_kind = {"store.delete", push_done,
                                               end_far_asking};
static const struct waiter_kind keys_kind = {"store.keys", push_listed,
                                             end_far_asking};

/* --- the functions -------------------------------------------------------- */

/* (key) */
static int get_far_key(lua_State *L) {
  struct far_call call = {FAR_GET, .key = store_args_key(L)};
  wait_check(L, get_kind.name);
  return wait_for_far(L, &get_kind, &call);
}

/* (key) */
static int delete_far_key(lua_State *L) {
  struct far_call call = {FAR_DELETE, .key = store_args_key(L)};
  wait_check(L, delete_kind.name);
  return wait_for_far(L, &delete_kind, &call);
}

/* (key, value, ttl?) */
static int set_far_key(lua_State *L) {
  struct far_call call = {FAR_SET, .key = store_args_key(L),
                          .ttl_ms = store_args_ttl(L, 3)};
  struct store_value value;
  luaL_checkany(L, 2);
  wait_check(L, set_kind.name);
  if (lua_isnil(L, 2)) {
    call.verb = FAR_DELETE;
  } else {
    value = store_args_value(L, 2);
    call.value = &value;
  }
  return wait_for_far(L, &set_kind, &call);
}

/* (key, value, ttl?) */
static int add_far_key(lua_State *L) {
  struct far_call call = {FAR_ADD, .key = store_args_key(L),
                          .ttl_ms = store_args_ttl(L, 3)};
  luaL_argcheck(L, !lua_isnoneornil(L, 2), 2, "a value expected, got nil");
  wait_check(L, add_kind.name);
  struct store_value value = store_args_value(L, 2);
  call.value = &value;
  return wait_for_far(L, &add_kind, &call);
}

/* (key, by?, ttl?) */
static int incr_far_key(lua_State *L) {
  struct far_call call = {FAR_INCR, .key = store_args_key(L),
                          .ttl_ms = store_args_ttl(L, 3)};
  struct store_value by = store_args_by(L, 2);
  call.value = &by;
  wait_check(L, incr_kind.name);
  return wait_for_far(L, &incr_kind, &call);
}

/* (prefix?) */
static int list_far_keys(lua_State *L) {
  struct far_call call = {FAR_KEYS, .max = STORE_KEYS_MAX};
  call.key.bytes = luaL_optlstring(L, 1, "", &call.key.len);
  luaL_argcheck(L, call.key.len <= STORE_KEY_BYTES, 1,
                "no key begins with more than 256 bytes");
  wait_check(L, keys_kind.name);
  return wait_for_far(L, &keys_kind, &call);
}

/* --- update --------------------------------------------------------------- */

static int push_updated(lua_State *L, struct waiter *waiter);

static const struct waiter_kind update_kind = {"store.update", push_updated,
                                               end_far_asking};

/* The stack holds key, function, ttl, and what the function has made of what is
 * there. The value stays at slot 4 while this waits. */
static int swap_far_key(lua_State *L, const struct far_asking *before) {
  const struct far_answer *was = &before->answer;
  struct far_call call = {FAR_SWAP, .key = store_args_key(L),
                          .ttl_ms = store_args_ttl(L, 3)};
  struct store_value value;
  int tries = before->tries + 1;
  if (was->done || was->found)
    call.was = &was->value;
  lua_settop(L, 4);
  if (!lua_isnil(L, 4)) {
    value = store_args_value(L, 4);
    call.value = &value;
  }
  struct far_asking *asking = ask_far(L, &update_kind, &call);
  asking->tries = tries;
  return wait_begin(L, &asking->waiter);
}

/* What is there is known (done: by FAR_GET), or the swap was done. */
static int push_updated(lua_State *L, struct waiter *waiter) {
  struct far_asking *asking = container_of(waiter, struct far_asking, waiter);
  const struct far_answer *answer = &asking->answer;
  if (answer->err)
    return push_unavailable(L, answer);
  if (asking->tries > 0 && answer->done) {
    lua_settop(L, 4);
    return 1;
  }
  if (asking->tries == STORE_UPDATE_TRIES)
    return store_args_raced(L, store_args_key(L));
  lua_settop(L, 3);
  if (answer->done || answer->found)
    push_far_value(L, answer);
  else
    lua_pushnil(L);
  if (!store_args_compute(L))
    return lua_gettop(L) - 3; /* nil, code, text: nothing changes */
  return swap_far_key(L, asking);
}

/* (key, function, ttl?): as that of lib_store. */
static int update_far_key(lua_State *L) {
  struct far_call call = {FAR_GET, .key = store_args_key(L)};
  (void)store_args_ttl(L, 3);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 3);
  wait_check(L, update_kind.name);
  return wait_for_far(L, &update_kind, &call);
}

static const luaL_Reg far_functions[] = {
    {"get", get_far_key},       {"set", set_far_key},
    {"add", add_far_key},       {"incr", incr_far_key},
    {"delete", delete_far_key}, {"keys", list_far_keys},
    {"update", update_far_key}, {NULL, NULL},
};

void far_store_push(lua_State *L) {
  luaL_newlib(L, far_functions);
}
