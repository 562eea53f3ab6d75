/* SPDX-License-Identifier: MIT
 * What it costs to enter Lua: nanoseconds per message of a handler that gets
 * a table and returns one, called plainly (lua_pcall), through the door
 * (script/call: a pooled coroutine, budget, results), and as a declared handler
 * with rate and schema. All of it in one process, one after the other, several
 * rounds, medians: look at the ratios.
 *
 * bench/run --calls builds and runs it. */
#include "base/log.h"
#include "config/config.h"
#include "protocol/admit.h"
#include "protocol/protocol.h"
#include "protocol/session.h"
#include "script/call.h"
#include "script/json.h"
#include "script/lib_client.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 15, CALLS = 100000 };

static const char script[] =
    "local function echo(_, data) return data end\n"
    "return {\n"
    "  plain = echo,\n"
    "  empty = function() end,\n"
    "  declared = { handler = echo, rate = '100000000/s', burst = 1000000,\n"
    "    schema = { room = 'string', text = 'string<=2000',\n"
    "      tags = 'string[]?' } },\n"
    "}\n";

static const char data[] =
    "{\"room\":\"lobby\",\"text\":\"0123456789012345678901"
    "23456789012345678901234567\",\"tags\":[\"a\",\"b\"]}";

struct bench {
  struct protocol protocol;
  struct rates rates;
  uv_loop_t loop;
  struct generation *generation;
  struct conn *conn;
  struct buf out;
};

static void die(const char *what) {
  fprintf(stderr, "call_bench: %s\n", what);
  exit(1);
}

/* --- the ways ----------------------------------------------------------- */

static void nothing(const struct call_spec *spec,
                    const struct call_result *result) {
  (void)spec;
  if (result->verdict != CALL_OK)
    die("the handler failed");
}

static const struct handler *find(struct bench *bench, const char *type) {
  return generation_handler(bench->generation, type, strlen(type));
}

static int protected(lua_State *L) {
  struct bench *bench = lua_touserdata(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, find(bench, "plain")->ref);
  lib_client_push(L, bench->conn);
  json_decode(L, data, strlen(data));
  lua_call(L, 2, 1);
  buf_reset(&bench->out, GENERATION_SCRATCH_KEEP);
  json_encode(L, lua_gettop(L), &bench->out, &bench->generation->sending);
  return 0;
}

/* The least that anybody could do: decode, call, encode, protected. */
static void plainly(struct bench *bench) {
  lua_State *L = bench->generation->L;
  lua_pushcfunction(L, protected);
  lua_pushlightuserdata(L, bench);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK)
    die(lua_tostring(L, -1));
}

static void call(struct bench *bench, const char *type) {
  struct call_spec spec = {
      .handler = find(bench, type),
      .conn = bench->conn,
      .args = {{.kind = CALL_CLIENT}, {CALL_JSON, data, sizeof data - 1}},
      .nargs = 2,
      .gated = true,
      .results = 1,
      .done = nothing};
  call_run(bench->generation, &spec);
}

static void by_the_door(struct bench *bench) {
  call(bench, "plain");
}

static void declared(struct bench *bench) {
  struct envelope env = {.data = data, .data_len = sizeof data - 1};
  if (!admit_message(bench->conn, find(bench, "declared"), &env))
    die("the message was refused");
  call(bench, "declared");
}

static int protected_empty(lua_State *L) {
  struct bench *bench = lua_touserdata(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, find(bench, "empty")->ref);
  lua_call(L, 0, 0);
  return 0;
}

static void empty_plainly(struct bench *bench) {
  lua_State *L = bench->generation->L;
  lua_pushcfunction(L, protected_empty);
  lua_pushlightuserdata(L, bench);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK)
    die(lua_tostring(L, -1));
}

static void empty_by_the_door(struct bench *bench) {
  struct call_spec spec = {.handler = find(bench, "empty"), .done = nothing};
  call_run(bench->generation, &spec);
}

static const struct way {
  const char *name;
  void (*run)(struct bench *bench);
  int base; /* index of the way that it is compared with */
} ways[] = {
    {"a handler that does nothing, lua_pcall", empty_plainly, 0},
    {"the same in a pooled coroutine", empty_by_the_door, 0},
    {"a handler with JSON in and out, lua_pcall", plainly, 2},
    {"the same in a pooled coroutine", by_the_door, 2},
    {"the same declared, rate and schema", declared, 2},
};

/* --- measuring ---------------------------------------------------------- */

static double measure(struct bench *bench, const struct way *way) {
  uint64_t start = uv_hrtime();
  uv_update_time(&bench->loop); /* for the rate */
  for (int i = 0; i < CALLS; i++)
    way->run(bench);
  return (double)(uv_hrtime() - start) / CALLS;
}

static int by_value(const void *a, const void *b) {
  const double *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}

static void report(struct bench *bench) {
  double ns[ARRAY_SIZE(ways)][ROUNDS], median[ARRAY_SIZE(ways)];
  for (int round = 0; round < ROUNDS; round++)
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
      ns[i][round] = measure(bench, &ways[i]);
  for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
    qsort(ns[i], ROUNDS, sizeof ns[i][0], by_value);
    median[i] = ns[i][ROUNDS / 2];
    printf("%-44s %7.0f ns  %.2f x\n", ways[i].name, median[i],
           median[i] / median[ways[i].base]);
  }
}

/* --- the rest of a worker ----------------------------------------------- */

static void ignore(struct conn *conn) {
  (void)conn;
}

static struct generation *build(struct host *host, struct buf *error) {
  char dir[] = "/tmp/perigee-bench-XXXXXX", path[64];
  if (!mkdtemp(dir))
    die("no temporary folder");
  snprintf(path, sizeof path, "%s/bench.lua", dir);
  FILE *file = fopen(path, "w");
  if (!file || fputs(script, file) < 0 || fclose(file))
    die("cannot write the script");
  struct bundle *bundle = bundle_read(dir, error);
  unlink(path);
  rmdir(dir);
  struct generation *generation =
      bundle ? generation_new(host, bundle, 1, error) : NULL;
  bundle_unref(bundle);
  return generation;
}

int main(void) {
  static const struct conn_io io = {.want_flush = ignore};
  struct bench bench = {0};
  struct buf error = {0};
  struct config_args args = {.mode = CONFIG_DEVELOPMENT};
  struct config *config = config_load(&args, &error);
  log_setup(LOG_ERROR, LOG_TEXT);
  if (!config)
    die(error.data);
  uv_loop_init(&bench.loop);
  protocol_init(&bench.protocol, &bench.loop, config, NULL);
  rates_init(&bench.rates);
  bench.protocol.rates = &bench.rates;
  bench.generation = build(&bench.protocol.host, &error);
  if (!bench.generation)
    die(error.data);
  bench.protocol.host.live = bench.generation;
  bench.generation->live = true;
  bench.conn = client_new(&bench.protocol, &io, NULL);
  if (manager_add(&bench.protocol.manager, bench.conn, "192.0.2.1") ||
      manager_login(&bench.protocol.manager, bench.conn, "alice", 0))
    die("cannot log in");
  report(&bench);
  return 0; /* the system takes the rest back */
}
