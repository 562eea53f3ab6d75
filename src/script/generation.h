/* SPDX-License-Identifier: MIT
 * One Lua state with all scripts in it: the handlers and hooks of one load.
 *
 * It is built completely or not at all, away from the serving loop, and is made
 * live between two messages. Whatever goes wrong while it is built, the
 * generation that serves is not touched. */
#ifndef SCRIPT_GENERATION_H
#define SCRIPT_GENERATION_H

#include "base/buf.h"
#include "base/list.h"
#include "engine/rules.h"
#include "script/budget.h"
#include "script/bundle.h"
#include "script/heap.h"
#include "script/host.h"
#include "script/json.h"
#include "script/schema.h"
#include "script/web_paths.h"

#include "base/hash.h"
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

/* X(NAME, key, chain): the hooks that scripts may define, and how those of
 * several scripts are made one: see lua/perigee/loader.lua. */
#define HOOK_MAP(X)                                                            \
  X(TOKEN, "@token", "deciding")                                               \
  X(AUTH, "@auth", "deciding")                                                 \
  X(CONNECT, "@connect", "telling")                                            \
  X(DISCONNECT, "@disconnect", "telling")                                      \
  X(AWAY, "@away", "telling")                                                  \
  X(BACK, "@back", "telling")                                                  \
  X(JOIN, "@join", "deciding")                                                 \
  X(LEAVE, "@leave", "telling")                                                \
  X(HISTORY, "@history", "deciding")                                           \
  X(MESSAGE, "@message", "deciding")                                           \
  X(ONLINE, "@online", "telling")                                              \
  X(OFFLINE, "@offline", "telling")                                            \
  X(RAW, "@raw", "telling")                                                    \
  X(START, "@start", "starting")                                               \
  X(STOP, "@stop", "stopping")

struct conn;
struct timer;
struct timing;

/* Handlers that are found without hashing, a power of two. */
enum { RECENT_HANDLERS = 32 };

/* Bytes that `scratch` keeps between messages. */
enum { GENERATION_SCRATCH_KEEP = 64 * 1024 };

enum hook {
#define HOOK_ENUM(name, key, chain) HOOK_##name,
  HOOK_MAP(HOOK_ENUM)
#undef HOOK_ENUM
      HOOK_COUNT,
};

/* A message that scripts send by themselves, as they have declared it. */
struct push {
  UT_hash_handle hh;     /* in generation->pushes */
  struct schema *schema; /* of its data; owned */
  bool told;             /* the log has said that one did not fit */
  char name[];           /* the message type */
};

/* What runs for a message type or a hook. */
struct handler {
  UT_hash_handle hh; /* in generation->handlers; unused for a hook */
  int ref;           /* registry reference of the Lua function */

  /* From its declaration; zero for what that does not say. */
  struct schema *schema; /* of the data; owned */
  double rate, burst;    /* messages a second of one user, and at once */
  uint32_t timeout_ms;   /* for the whole call, waiting included */
  bool view;             /* it reads its data in place: script/json_view */
  struct schema *reply;  /* of what it returns; owned */
  struct push **emits;   /* what it sends; owned, the pushes are not */
  size_t emit_count;
  bool says_emits;             /* it sends nothing that `emits` does not name */
  bool told_reply, told_emits; /* the log has said that it did not fit */
  struct timing *timing;       /* of its calls; NULL: it has had none yet */
  char *doc;                   /* one line about it; owned */

  char *file;  /* of a handler: its script, "chat.lua"; else NULL; owned */
  char name[]; /* the message type, or the hook's key */
};

struct generation {
  lua_State *L;
  struct bundle *bundle;       /* the sources it was built from */
  const struct config *config; /* of the time when it was built; held */
  unsigned number;             /* 1 is the first load of the process */
  struct host *host;
  struct handler *handlers;
  struct handler *recent[RECENT_HANDLERS]; /* found before; NULL: none */
  struct push *pushes;
  bool has_promises; /* a script has said what it sends */
  uint32_t promises; /* messages that may have been looked at: script/promise */
  struct handler *hooks[HOOK_COUNT]; /* NULL: no script has it */
  bool has_hooks;
  bool has_web;           /* a handler is for plain HTTP */
  struct web_paths paths; /* of those, the ones with names in them */
  struct rules *rules;    /* of rooms; NULL: none are declared */
  int clients;            /* registry reference: client objects by conn->slot */
  int views;              /* registry reference: the metatable of views */
  struct list node;       /* in host->retiring */
  uint64_t retire_ms;     /* loop time at which its calls are aborted */

  /* Calls: those without work (call_pool; each block of memory begins with its
   * node), and those that wait (call_park). */
  struct list idle, waiting;
  uint32_t idle_count;
  uint32_t calls;       /* begun and not ended, or owed */
  struct call *current; /* the one that Lua runs; NULL: none */
  struct timer *timers; /* of scripts, by id, see lib_time.c */
  uint64_t last_timer;
  struct handler *places; /* where they were made, by name */

  struct heap heap;
  size_t tuned; /* heap.used when the collector was last adjusted to it */
  struct budget budget;
  /* Finalizers that failed: how many were logged in the second that began at
   * `since`, and how many were left out since the last line. */
  uint64_t finalizers_since_ns;
  uint32_t finalizers_said, finalizers_unsaid;
  struct json_bound sending; /* for all JSON that scripts have written */

  /* Where messages and results are written. It belongs to no Lua value: an
   * error in the middle of a message leaks nothing. Whoever uses it empties it
   * first, and is done with it before Lua runs again. */
  struct buf scratch;
  struct buf why; /* why a message is not as it was declared */
  bool live; /* it may send: true since it serves, also while it retires; false
              * while it is built, and when it has ended */
};

/* Builds a generation, which then holds the bundle and the configuration of the
 * host. NULL on failure, with the reason (file, line, message) appended to
 * `error`. It may run on any thread: until the generation is live it uses
 * nothing of the host but config, key and store. */
struct generation *generation_new(struct host *host, struct bundle *bundle,
                                  unsigned number, struct buf *error);

/* A handler without a function yet; `name` is copied. */
MUST_CHECK struct handler *handler_new(const char *name);

/* Closes the Lua state. No call of it may be running. Accepts NULL. */
void generation_free(struct generation *generation);

/* Adjusts the collector to the memory in use: it runs after a fixed amount of
 * garbage, and not, as Lua's own rule has it, after a percentage of all memory.
 * To be called after each call; it rarely has to do anything. */
void generation_tune(struct generation *generation);

/* Frees all garbage, for one who wants to know what is kept. Not while a call
 * of it runs. */
void generation_collect(struct generation *generation);

/* The handler of a message type, or NULL. */
const struct handler *generation_handler(struct generation *generation,
                                         const char *type, size_t len);

/* The generation that a C function was called from. This is how the libraries
 * of scripts find it, and no upvalue: helpers and continuations need it, too,
 * and it costs one load. A state knows its budget, which is a part of it. */
static inline struct generation *generation_of(lua_State *L) {
  return container_of(budget_of(L), struct generation, budget);
}

#endif
