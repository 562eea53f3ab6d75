/* SPDX-License-Identifier: MIT
 * Building a Lua state with all scripts in it.
 *
 * The state is made bottom up: the libraries (script/open, which this file does
 * not know), the embedded Lua modules by a searcher, the sealed environment
 * (strict.lua), and then loader.lua, which runs the scripts and returns what
 * they define. All of it in one protected call. */
#include "script/generation.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "script/declare.h"
#include "script/modules.h"

#include <lauxlib.h>
#include <lualib.h>

static const char *const hook_keys[] = {
#define HOOK_KEY(name, key, chain) key,
    HOOK_MAP(HOOK_KEY)
#undef HOOK_KEY
};

/* What running all scripts once may take. It happens off the serving loop, but
 * a script that never ends must not hang a start or a reload. */
enum { BUILD_MS = 5000 };

/* What @stop may take, waiting included: a reload or the end waits for it. */
enum { STOP_MS = 5000 };

/* What a handler of plain HTTP may take, waiting included, if it does not say.
 */
enum { WEB_TIMEOUT_MS = 30000 };

/* What the finalizers of a state may take together when it is closed. */
enum { CLOSE_MS = 5000 };

static void require_module(lua_State *L, const char *module) {
  lua_getglobal(L, "require");
  lua_pushstring(L, module);
  lua_call(L, 1, 1);
}

/* --- building ----------------------------------------------------------- */

struct handler *handler_new(const char *name) {
  size_t len = strlen(name);
  struct handler *handler = mem_alloc(sizeof *handler + len + 1);
  memcpy(handler->name, name, len);
  handler->ref = LUA_NOREF;
  return handler;
}

/* A number of the rule on top; 0 if it does not say. */
static lua_Number number_field(lua_State *L, const char *key) {
  lua_getfield(L, -1, key);
  lua_Number value = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return value;
}

/* Handlers of plain HTTP have a time even if they say none: whoever asked may
 * have gone long ago, and nothing else would end them. The path of the raw mode
 * is not theirs. */
static void keep_web(lua_State *L, struct generation *generation,
                     struct handler *handler) {
  const char *raw = generation->config->raw_path;
  bool backend = strncmp(handler->name, "@http ", 6) == 0;
  const char *path = backend ? strstr(handler->name + 6, " /") : NULL;
  if (!path)
    return;
  if (*raw && !strcmp(path + 1, raw))
    luaL_error(L, "handler '%s': `raw.path` is that path", handler->name);
  generation->has_web = true;
  const struct handler *same = web_path_has_names(handler)
                                   ? web_paths_add(&generation->paths, handler)
                                   : NULL;
  if (same)
    luaL_error(L, "handlers '%s' and '%s' are for the same paths", same->name,
               handler->name);
  if (handler->timeout_ms == 0)
    handler->timeout_ms = WEB_TIMEOUT_MS;
}

/* The table of handlers is on top; each is hung into the generation before
 * anything that may raise, so that generation_free finds it. */
static void keep_handlers(lua_State *L, struct generation *generation) {
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    struct handler *handler = handler_new(lua_tostring(L, -2));
    HASH_ADD_KEYPTR(hh, generation->handlers, handler->name,
                    strlen(handler->name), handler);
    if (lua_istable(L, -1))
      declare_handler(L, generation, handler);
    keep_web(L, generation, handler);
    handler->ref = luaL_ref(L, LUA_REGISTRYINDEX);
  }
}

static void keep_hooks(lua_State *L, struct generation *generation) {
  for (int i = 0; i < HOOK_COUNT; i++) {
    if (lua_getfield(L, -1, hook_keys[i]) == LUA_TNIL) {
      lua_pop(L, 1);
      continue;
    }
    generation->hooks[i] = handler_new(hook_keys[i]);
    if (i != HOOK_STOP) /* which the loader always has */
      generation->has_hooks = true;
    generation->hooks[i]->ref = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  if (generation->hooks[HOOK_STOP])
    generation->hooks[HOOK_STOP]->timeout_ms = STOP_MS;
}

/* The table on top has the path of each handler's script. */
static void keep_owners(lua_State *L, struct generation *generation) {
  struct handler *handler = generation->handlers;
  for (; handler; handler = handler->hh.next) {
    lua_getfield(L, -1, handler->name);
    const char *path = lua_tostring(L, -1);
    const char *slash = path ? strrchr(path, '/') : NULL;
    handler->file = mem_strdup(slash ? slash + 1 : path);
    lua_pop(L, 1);
  }
}

/* --- rooms -------------------------------------------------------------- */

static bool flag_field(lua_State *L, const char *key) {
  lua_getfield(L, -1, key);
  bool value = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return value;
}

static enum rule_presence presence_field(lua_State *L) {
  bool is_text = lua_getfield(L, -1, "presence") == LUA_TSTRING;
  bool value = lua_toboolean(L, -1);
  lua_pop(L, 1);
  if (is_text)
    return RULE_PRESENCE_COUNT;
  return value ? RULE_PRESENCE : RULE_NO_PRESENCE;
}

/* The rule on top, which has the form that lua/perigee/rooms.lua gives it. */
static struct rule read_rule(lua_State *L) {
  struct rule rule = {.numbered = flag_field(L, "numbered"),
                      .latest = flag_field(L, "latest"),
                      .resync = flag_field(L, "resync"),
                      .presence = presence_field(L)};
  rule.local_when_down = flag_field(L, "local_when_down");
  if (!flag_field(L, "keeps"))
    return rule;
  rule.messages = (uint32_t)number_field(L, "messages");
  if (rule.messages == 0)
    rule.messages = RULE_ANY_NUMBER;
  rule.keep_ms = (uint64_t)number_field(L, "keep_ms");
  rule.bytes = (size_t)number_field(L, "bytes");
  return rule;
}

/* The table of rules is on top. */
static void keep_rooms(lua_State *L, struct generation *generation) {
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    struct rule rule = read_rule(L);
    if (!generation->rules)
      generation->rules = rules_new();
    rules_add(generation->rules, lua_tostring(L, -2), &rule);
    lua_pop(L, 1);
  }
}

/* Pushes dir, names, sources. */
static void push_bundle(lua_State *L, const struct bundle *bundle) {
  lua_pushstring(L, bundle->dir);
  lua_createtable(L, (int)bundle->count, 0);
  lua_createtable(L, 0, (int)bundle->count);
  for (size_t i = 0; i < bundle->count; i++) {
    const struct bundle_file *file = &bundle->files[i];
    lua_pushstring(L, file->name);
    lua_rawseti(L, -3, (lua_Integer)i + 1);
    lua_pushlstring(L, file->source, file->len);
    lua_setfield(L, -2, file->name);
  }
}

static int build_state(lua_State *L) {
  struct generation *generation = lua_touserdata(L, 1);
  generation->host->open_libraries(L);
  modules_add_searcher(L);
  require_module(L, "perigee.loader");
  require_module(L, "perigee.strict");
  lua_getfield(L, -1, "seal");
  lua_pushboolean(L, generation->config->script_sandbox);
  lua_call(L, 1, 0);
  lua_pop(L, 1); /* the loader is left */
  push_bundle(L, generation->bundle);
  lua_call(L, 3, 5); /* rooms owners handlers hooks pushes */
  declare_pushes(L, generation);
  lua_pop(L, 1);
  keep_hooks(L, generation);
  lua_pop(L, 1);
  keep_handlers(L, generation);
  lua_pop(L, 1);
  keep_owners(L, generation);
  lua_pop(L, 1);
  keep_rooms(L, generation);
  return 0;
}

/* Lua calls this before it aborts; it means a call outside of the door. */
static int on_panic(lua_State *L) {
  const char *text = lua_tostring(L, -1);
  log_error("unprotected error in Lua: %s", text ? text : "?");
  return 0;
}

/* What a client may send can be relayed, whatever limits.send_bytes says. */
static size_t send_bytes(const struct config *config) {
  return (size_t)(config->limits_send_bytes > config->limits_message_bytes
                      ? config->limits_send_bytes
                      : config->limits_message_bytes);
}

/* All of it but the Lua state. */
static struct generation *
make_generation(struct host *host, struct bundle *bundle, unsigned number) {
  struct generation *generation = mem_alloc(sizeof *generation);
  generation->host = host;
  generation->number = number;
  generation->bundle = bundle_ref(bundle);
  generation->config = config_ref(host->config);
  generation->heap.limit = (size_t)host->config->script_memory_mb << 20;
  generation->sending =
      (struct json_bound){send_bytes(host->config), &generation->budget};
  list_init(&generation->idle);
  list_init(&generation->waiting);
  list_init(&generation->node);
  return generation;
}

/* Makes the state and runs the scripts in it. False, with the reason appended
 * to `error`, if that fails. */
static bool fill_generation(struct generation *generation, struct buf *error) {
  lua_State *L = generation->L = lua_newstate(heap_allocate, &generation->heap);
  if (!L) {
    buf_puts(error, "no memory for a Lua state");
    return false;
  }
  lua_atpanic(L, on_panic);
  budget_bind(&generation->budget, L);
  lua_gc(L, LUA_GCGEN, 0, 0); /* generation_tune says the rest */
  lua_pushcfunction(L, build_state);
  lua_pushlightuserdata(L, generation);
  budget_watch(L);
  budget_start(&generation->budget, BUILD_MS);
  int status = lua_pcall(L, 1, 0, 0);
  budget_stop(&generation->budget);
  if (status != LUA_OK) {
    /* The text has file and line; errors that are no text have nothing. */
    const char *text = lua_tostring(L, -1);
    buf_puts(error, text ? text : "a script raised an error without a text");
    return false;
  }
  lua_settop(L, 0);
  return true;
}

struct generation *generation_new(struct host *host, struct bundle *bundle,
                                  unsigned number, struct buf *error) {
  struct generation *generation = make_generation(host, bundle, number);
  if (fill_generation(generation, error))
    return generation;
  generation_free(generation);
  return NULL;
}

/* --- the collector ------------------------------------------------------- */

/* What may come together before a young collection: it fits into the second
 * cache of a processor together with what else a message needs. Lua's own rule
 * is a fifth of what is in use. With ten thousand client objects that is so
 * much that each new string is made in memory that is not in the cache.
 * A young collection looks at every coroutine, however old: for each call that
 * waits there is some garbage more. */
enum { GARBAGE_BYTES = 256 * 1024, CALL_BYTES = 256, PERCENT_MAX = 20 };

void generation_tune(struct generation *generation) {
  size_t used = generation->heap.used, tuned = generation->tuned;
  if (used <= tuned + tuned / 4 && used >= tuned - tuned / 4)
    return;
  size_t garbage = GARBAGE_BYTES + (size_t)generation->calls * CALL_BYTES;
  size_t percent = garbage * 100 / (used ? used : 1);
  if (percent < 1)
    percent = 1;
  generation->tuned = used;
  lua_gc(generation->L, LUA_GCGEN,
         (int)(percent < PERCENT_MAX ? percent : PERCENT_MAX), 0);
}

/* Twice: the first time calls finalizers, whose objects go the second time. */
void generation_collect(struct generation *generation) {
  lua_gc(generation->L, LUA_GCCOLLECT);
  lua_gc(generation->L, LUA_GCCOLLECT);
}

/* --- ending --------------------------------------------------------------- */

static void free_handlers(struct handler **handlers) {
  struct handler *handler = NULL, *next = NULL;
  HASH_ITER (hh, *handlers, handler, next) {
    HASH_DEL(*handlers, handler);
    declare_free_handler(handler);
    mem_free(handler->file);
    mem_free(handler);
  }
}

static void free_idle(struct generation *generation) {
  struct list *node;
  while ((node = list_shift(&generation->idle)))
    mem_free(node); /* each block begins with its node */
}

void generation_free(struct generation *generation) {
  if (!generation)
    return;
  generation->live = false;
  free_idle(generation);
  budget_start(&generation->budget, CLOSE_MS); /* for finalizers */
  if (generation->L) /* NULL: there was no memory for it */
    lua_close(generation->L);
  heap_free(&generation->heap);
  buf_free(&generation->scratch);
  buf_free(&generation->why);
  free_handlers(&generation->handlers);
  free_handlers(&generation->places);
  declare_free_pushes(&generation->pushes);
  for (int i = 0; i < HOOK_COUNT; i++)
    mem_free(generation->hooks[i]);
  rules_unref(generation->rules);
  web_paths_free(&generation->paths);
  bundle_unref(generation->bundle);
  config_free(generation->config);
  mem_free(generation);
}

/* What clients make of types may fall on one place, and costs no more there
 * than the search in the table, whose hash has a key. */
static struct handler **recent_place(struct generation *generation,
                                     const char *type, size_t len) {
  unsigned char middle = (unsigned char)type[len / 2];
  unsigned char last = (unsigned char)type[len - (len > 0)];
  return &generation->recent[(len + middle + last * 4U) % RECENT_HANDLERS];
}

const struct handler *generation_handler(struct generation *generation,
                                         const char *type, size_t len) {
  struct handler **recent = recent_place(generation, type, len);
  struct handler *handler = *recent;
  if (handler && handler->hh.keylen == len && !memcmp(handler->name, type, len))
    return handler;
  HASH_FIND(hh, generation->handlers, type, len, handler);
  if (handler)
    *recent = handler;
  return handler;
}
