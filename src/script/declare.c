/* SPDX-License-Identifier: MIT
 * What scripts declare about messages. */
#include "script/declare.h"

#include "base/mem.h"

#include <lauxlib.h>

/* A number of the declaration on top; 0 if it does not say. */
static lua_Number declared_number(lua_State *L, const char *key) {
  lua_getfield(L, -1, key);
  lua_Number value = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return value;
}

/* The schema that `key` of the table on top has as a text. NULL if there is
 * none. Raises if it is no schema, in the words `path: where: what`. */
static struct schema *take_schema(lua_State *L, struct generation *generation,
                                  const char *key, const char *where,
                                  const char *what) {
  struct buf *error = &generation->scratch;
  struct schema *schema = NULL;
  size_t len;
  if (lua_getfield(L, -1, key) == LUA_TSTRING) {
    const char *text = lua_tolstring(L, -1, &len);
    buf_reset(error, GENERATION_SCRATCH_KEEP);
    schema = schema_new(text, len, error);
    if (!schema) {
      lua_getfield(L, -2, "path"); /* table schema path error */
      lua_pushlstring(L, error->data, error->len);
      luaL_error(L, "%s: %s: %s: %s", lua_tostring(L, -2), where, what,
                 lua_tostring(L, -1));
    }
  }
  lua_pop(L, 1);
  return schema;
}

/* --- what is pushed ------------------------------------------------------ */

/* Hung into the generation before anything may raise. */
static struct push *add_push(struct generation *generation, const char *name) {
  size_t len = strlen(name);
  struct push *push = mem_alloc(sizeof *push + len + 1);
  memcpy(push->name, name, len);
  HASH_ADD_KEYPTR(hh, generation->pushes, push->name, len, push);
  generation->has_promises = true;
  return push;
}

void declare_pushes(lua_State *L, struct generation *generation) {
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    struct push *push = add_push(generation, lua_tostring(L, -2));
    lua_getfield(L, -1, "where");
    const char *where = lua_tostring(L, -1);
    lua_insert(L, -2); /* where, and the entry on top */
    push->schema = take_schema(L, generation, "schema", where, push->name);
    lua_pop(L, 2);
  }
}

void declare_free_pushes(struct push **pushes) {
  struct push *push = NULL, *next = NULL;
  HASH_ITER (hh, *pushes, push, next) {
    HASH_DEL(*pushes, push);
    schema_free(push->schema);
    mem_free(push);
  }
}

/* --- handlers ------------------------------------------------------------ */

/* The names that `emits` of the declaration on top lists. */
static void keep_emits(lua_State *L, struct generation *generation,
                       struct handler *handler) {
  if (lua_getfield(L, -1, "emits") == LUA_TTABLE) {
    size_t count = lua_rawlen(L, -1);
    handler->says_emits = generation->has_promises = true;
    handler->emits = mem_alloc((count + 1) * sizeof(struct push *));
    for (size_t i = 0; i < count; i++) {
      lua_rawgeti(L, -1, (lua_Integer)i + 1);
      const char *name = lua_tostring(L, -1);
      HASH_FIND(hh, generation->pushes, name, strlen(name), handler->emits[i]);
      lua_pop(L, 1);
    }
    handler->emit_count = count;
  }
  lua_pop(L, 1);
}

void declare_handler(lua_State *L, struct generation *generation,
                     struct handler *handler) {
  handler->rate = declared_number(L, "rate");
  handler->burst = declared_number(L, "burst");
  handler->timeout_ms = (uint32_t)declared_number(L, "timeout_ms");
  lua_getfield(L, -1, "view");
  handler->view = lua_toboolean(L, -1);
  lua_pop(L, 1);
  lua_getfield(L, -1, "doc");
  handler->doc = lua_isstring(L, -1) ? mem_strdup(lua_tostring(L, -1)) : NULL;
  lua_pop(L, 1);
  lua_pushfstring(L, "handler '%s'", handler->name);
  lua_insert(L, -2); /* the words for errors, and the declaration on top */
  const char *where = lua_tostring(L, -2);
  handler->schema = take_schema(L, generation, "schema", where, "schema");
  handler->reply = take_schema(L, generation, "reply", where, "reply");
  keep_emits(L, generation, handler);
  lua_getfield(L, -1, "handler");
  lua_replace(L, -3);
  lua_pop(L, 1);
}

void declare_free_handler(struct handler *handler) {
  schema_free(handler->schema);
  schema_free(handler->reply);
  mem_free(handler->emits);
  mem_free(handler->doc);
}
