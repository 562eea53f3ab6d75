/* SPDX-License-Identifier: MIT
 * The only door into Lua: runs a handler or a hook in a coroutine of its own
 * and says what came of it, at once or, when it waited, later.
 *
 *   call_run ──► running ──returned, raised──► done(result)
 *                 │   ▲
 *        wait_begin   wait_wake, call_abort
 *                 ▼   │
 *                waiting (in conn->calls: the connection is busy meanwhile)
 *
 * Nothing that a script does comes out of here as anything but a result: an
 * error is caught, logged with its traceback and a reference, counted, and
 * reported as CALL_FAILED. */
#ifndef SCRIPT_CALL_H
#define SCRIPT_CALL_H

#include "base/err.h"
#include "script/generation.h"
#include "wire/msg_id.h"

struct conn;

enum { CALL_REF_BYTES = 16, CALL_RESULTS_MAX = 2 };

/* An argument. The bytes are borrowed until call_run returns: they are in Lua
 * by then. */
struct call_arg {
  enum {
    CALL_CLIENT,
    CALL_STRING,
    CALL_JSON,
    CALL_NIL,
    CALL_TRUE,
    CALL_FALSE
  } kind;
  const char *text; /* of a string or of valid JSON */
  size_t len;
};

enum call_verdict {
  CALL_OK,      /* it returned */
  CALL_REFUSED, /* it returned nil, code, text, data */
  CALL_FAILED,  /* it raised, or ran out of its budget */
};

/* Borrowed until the function that was given it returns. */
struct call_result {
  enum call_verdict verdict;
  /* CALL_OK: the values that were wanted as JSON; len 0 when there was no such
   * value or it was nil. */
  struct call_arg value[CALL_RESULTS_MAX];
  /* CALL_REFUSED: the script's words; if it has given data, too, that is in
   * value[0]. */
  const char *code, *text;
  /* CALL_FAILED: what to answer, the reference of the log line, and what that
   * says, which is for no client. */
  enum err err;
  const char *ref, *error;
};

struct call_spec;

/* What to do with the result; `spec` is that of the call, without args. It may
 * come long after call_run: spec->conn is there still, but may be closed. */
typedef void call_done_fn(const struct call_spec *spec,
                          const struct call_result *result);

enum { CALL_ARGS_MAX = 3 };

struct call_spec {
  const struct handler *handler;
  int function;      /* registry reference; 0: that of the handler */
  struct conn *conn; /* the client it runs for; NULL: for none */
  struct msg_id id;  /* of the message, for `done` */
  struct call_arg args[CALL_ARGS_MAX];
  int nargs;
  /* For a handler: its message type is shown to @message first. */
  bool gated;
  int results;        /* how many of the values it returns are encoded */
  call_done_fn *done; /* NULL: the result does not matter */
  void *arg;          /* for `done` */
};

/* Runs it; `done` is called when it has ended. */
void call_run(struct generation *generation, const struct call_spec *spec);

/* Ends every call that waits: it raises `why` where it waits, which nothing
 * in a script can catch for long, and is answered `err`. */
void call_abort_all(struct generation *generation, enum err err,
                    const char *why);

/* Something is going to be called: the generation must not go meanwhile. */
void call_hold(struct generation *generation);
void call_let_go(struct generation *generation);

#endif
