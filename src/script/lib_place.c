/* SPDX-License-Identifier: MIT
 * What lua/perigee/owner.lua has to know about this worker. */
#include "script/lib_place.h"

#include "base/log.h"
#include "config/config.h"
#include "script/generation.h"

#include <inttypes.h>
#include <lauxlib.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

enum { RANDOM_TEXT_BYTES = 33 };

struct random_text {
  char text[RANDOM_TEXT_BYTES];
};

static struct random_text process_name;

static struct random_text random_text(void) {
  struct random_text random;
  uint64_t words[2];
  if (getrandom(words, sizeof words, 0) != sizeof words)
    log_fatal("the system has no random numbers");
  snprintf(random.text, sizeof random.text, "%016" PRIx64 "%016" PRIx64,
           words[0], words[1]);
  return random;
}

/* Before main: workers are threads. */
__attribute__((constructor)) static void make_process_name(void) {
  process_name = random_text();
}

static int push_token(lua_State *L) {
  lua_pushstring(L, random_text().text);
  return 1;
}

static int push_steady_clock(lua_State *L) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec / 1e9);
  return 1;
}

static const luaL_Reg place_functions[] = {
    {"token", push_token}, {"clock", push_steady_clock}, {NULL, NULL}};

int lib_place_open(lua_State *L) {
  const struct generation *generation = generation_of(L);
  const struct config *config = generation->config;
  luaL_newlib(L, place_functions);
  lua_pushfstring(L, "%s-%d", process_name.text, generation->host->worker);
  lua_setfield(L, -2, "who");
  lua_pushnumber(L, config->node_lease_s);
  lua_setfield(L, -2, "lease_s");
  lua_pushboolean(L, config->engine == CONFIG_ENGINE_MEMORY ||
                         config->store_shared);
  lua_setfield(L, -2, "is_one_store");
  return 1;
}
