/* SPDX-License-Identifier: MIT
 * Waiting for other machines. */
#include "script/others.h"

#include "base/err.h"
#include "base/mem.h"
#include "hub/manager.h"
#include "script/generation.h"
#include "script/wait.h"

#include <lauxlib.h>
#include <string.h>

struct asking {
  struct waiter waiter;
  struct engine *engine;
  struct engine_wait *wait; /* NULL: it was answered */
  struct engine_news news;  /* its own */
  others_push_fn *push;
  bool always;
  uint64_t seq; /* of a message that was published */
};

static int push_published(lua_State *L, int err, uint32_t receivers,
                          uint64_t seq) {
  if (err) {
    lua_pushnil(L);
    lua_pushstring(L, err_name((enum err)err));
    lua_pushstring(L, err_text((enum err)err));
    return 3;
  }
  lua_pushinteger(L, (lua_Integer)receivers);
  if (seq == 0)
    return 1;
  lua_pushinteger(L, (lua_Integer)seq);
  return 2;
}

static int push_confirmed(lua_State *L, struct waiter *waiter) {
  struct asking *asking = container_of(waiter, struct asking, waiter);
  return push_published(L, asking->news.err, asking->news.connections,
                        asking->seq);
}

static int push_asked(lua_State *L, struct waiter *waiter) {
  struct asking *asking = container_of(waiter, struct asking, waiter);
  if (!asking->news.err || asking->always)
    return asking->push(L, &asking->news);
  lua_pushnil(L);
  lua_pushstring(L, err_name((enum err)asking->news.err));
  lua_pushliteral(L, "not all machines have answered");
  return 3;
}

static void end_asking(struct waiter *waiter) {
  struct asking *asking = container_of(waiter, struct asking, waiter);
  if (asking->wait)
    engine_give_up(asking->engine, asking->wait);
  news_clear(&asking->news);
  mem_free(asking);
}

static const struct waiter_kind asking_kind = {"others", push_asked,
                                               end_asking};

static const struct waiter_kind confirmed_kind = {"send_to_room",
                                                  push_confirmed, end_asking};

static void on_confirmed(void *arg, int err, uint64_t seq) {
  struct asking *asking = arg;
  asking->wait = NULL;
  asking->news.err = err;
  asking->seq = seq;
  wait_wake(&asking->waiter);
}

static void on_others_answered(void *arg, const struct engine_news *news) {
  struct asking *asking = arg;
  asking->wait = NULL;
  asking->news.err = news->err;
  asking->news.connections = news->connections;
  for (size_t i = 0; i < news->name_count; i++)
    news_add_name(&asking->news, news->names[i], strlen(news->names[i]));
  for (size_t i = 0; i < news->conn_count; i++)
    news_add_conn(&asking->news, &news->conns[i]);
  wait_wake(&asking->waiter);
}

static void on_others_settled(void *arg, int err, uint32_t elsewhere) {
  struct asking *asking = arg;
  asking->wait = NULL;
  asking->news.err = err;
  asking->news.connections = elsewhere;
  wait_wake(&asking->waiter);
}

static struct manager *others_manager(lua_State *L) {
  return generation_of(L)->host->manager;
}

bool others_are_there(lua_State *L) {
  const struct manager *manager = others_manager(L);
  return manager && manager->others;
}

static struct asking *new_asking(lua_State *L, const char *function,
                                 others_push_fn *push) {
  wait_check(L, function);
  struct asking *asking = mem_alloc(sizeof *asking);
  asking->waiter.kind = &asking_kind;
  asking->engine = others_manager(L)->others;
  asking->push = push;
  return asking;
}

/* There was nothing to wait for. */
static int push_at_once(lua_State *L, struct asking *asking) {
  others_push_fn *push = asking->push;
  const struct engine_news nothing = {0};
  mem_free(asking);
  return push(L, &nothing);
}

int others_ask(lua_State *L, const char *function, enum engine_subject subject,
               const char *name, size_t len, others_push_fn *push) {
  struct asking *asking = new_asking(L, function, push);
  asking->wait = engine_ask(asking->engine, others_manager(L)->worker, subject,
                            name, len, on_others_answered, asking);
  if (!asking->wait)
    return push_at_once(L, asking);
  return wait_begin(L, &asking->waiter);
}

int others_settle(lua_State *L, const char *function, enum bus_to to,
                  const char *name, size_t len, bool always,
                  others_push_fn *push) {
  struct asking *asking = new_asking(L, function, push);
  asking->always = always;
  asking->wait = engine_settle(asking->engine, others_manager(L)->worker, to,
                               name, len, on_others_settled, asking);
  if (!asking->wait)
    return push_at_once(L, asking);
  return wait_begin(L, &asking->waiter);
}

int others_publish(lua_State *L, struct publish_message *message,
                   struct delivery_opts opts) {
  struct asking *asking = NULL;
  if (others_are_there(L)) {
    asking = new_asking(L, "send_to_room", NULL);
    asking->waiter.kind = &confirmed_kind;
    message->done = on_confirmed;
    message->arg = asking;
  }
  struct publish_result result =
      publish_message(others_manager(L), message, opts);
  if (!asking || !result.wait) {
    mem_free(asking);
    return push_published(L, result.err, result.receivers, result.seq);
  }
  asking->wait = result.wait;
  asking->news.connections = result.receivers;
  return wait_begin(L, &asking->waiter);
}
