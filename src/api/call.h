/* SPDX-License-Identifier: MIT
 * The calls of the HTTP API, in one table.
 *
 * What is in a row is all there is to know about a call: requests are
 * dispatched by it (api/api), and openapi.json and docs/api.md are made from it
 * (api/manual). */
#ifndef API_CALL_H
#define API_CALL_H

#include "api/args.h"
#include "auth/jwt.h"
#include "config/api_keys.h"
#include "config/config.h"
#include "engine/bus.h"
#include "engine/engine.h"
#include "engine/presence.h"
#include "wire/request.h"

#define API_ROOT "/api/v1"

/* What the functions of calls may reach. They run on the API's own thread. */
struct api_context {
  struct engine *engine;        /* of rooms that are numbered; borrowed */
  struct bus *bus;              /* of the workers; borrowed */
  struct presence *presence;    /* of the workers; borrowed */
  const struct jwt_key *tokens; /* of clients; borrowed */
  const struct config *config;  /* of this moment */
  const char *key;              /* the name of the key that is used */
};

/* Does it. Appends the answer to `out`, which is a JSON object, and returns
 * true; or returns false with a problem, and has done nothing. */
typedef bool api_fn(struct api_context *context, const struct api_args *args,
                    struct buf *out, struct problem *problem);

enum api_kind {
  API_NOW,     /* a function, which answers at once */
  API_LINES,   /* the batch, which is read as it comes */
  API_HISTORY, /* the engine, which answers later */
  API_TRACE,   /* a trace, which is told as it goes on */
  API_SCRIPTS, /* a handler of the scripts, which answers later */
};

struct api_call {
  const char *name, *method;
  const char *path; /* behind API_ROOT */
  unsigned group;   /* enum api_group; 0: every key may */
  struct api_wants wants;
  enum api_kind kind;
  api_fn *run;        /* of API_NOW */
  bool in_batch;      /* may be a line of it */
  const char *answer; /* schema of the answer, as JSON */
  const char *doc;    /* one line */
};

extern const struct api_call api_calls[];
extern const size_t api_call_count;

/* The call that a request means; NULL, with the problem: there is nothing at
 * that path (404), or not with that method (405). */
const struct api_call *api_call_find(const struct request *request,
                                     struct problem *problem);

/* The call of that name; NULL: there is none. */
const struct api_call *api_call_named(struct slice name);

/* Whether a key may make it. Else false, with a problem. */
bool api_call_allowed(const struct api_call *call, const char *key,
                      unsigned groups, struct problem *problem);

/* --- the functions in the table ----------------------------------------- */

api_fn api_send;            /* api/send */
api_fn api_close;           /* api/conns, as are: */
api_fn api_join, api_leave; /* */
api_fn api_user, api_conn;  /* api/look, as are: */
api_fn api_rooms, api_room; /* */
api_fn api_token;           /* api/token */
api_fn api_openapi;         /* api/manual */

#endif
