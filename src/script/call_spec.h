/* SPDX-License-Identifier: MIT
 * What a call of a script is asked for, and what comes of it: the words that
 * script/call and its callers share. */
#ifndef SCRIPT_CALL_SPEC_H
#define SCRIPT_CALL_SPEC_H

#include "base/err.h"
#include "wire/json_look.h"
#include "wire/msg_id.h"
#include "wire/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct conn;
struct handler;
struct span;
struct web_request;

enum { CALL_REF_BYTES = 16, CALL_RESULTS_MAX = 2 };

/* An argument. The bytes are borrowed until call_run returns: they are in Lua
 * by then. */
struct call_arg {
  enum {
    CALL_CLIENT,
    CALL_STRING,
    CALL_JSON,
    CALL_VIEW, /* the same, that is read in place: call_spec->look is set */
    CALL_WEB,  /* the request that call_spec->web points to */
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
  /* CALL_OK: the wanted values as JSON. `len` is 0 when there was no such
   * value, or it was nil. */
  struct call_arg value[CALL_RESULTS_MAX];
  /* CALL_OK of a call for HTTP: the status; then value[0] are the lines of the
   * head that the script wants, and value[1] is the body. */
  unsigned status;
  /* CALL_REFUSED: the script's words. If it gave data, too, that is in
   * value[0]. */
  const char *code, *text;
  /* CALL_FAILED: what to answer; the reference of the log line; and what that
   * line says, which no client may see. */
  enum err err;
  const char *ref, *error;
};

struct call_spec;

/* What to do with the result. `spec` is that of the call, without its
 * arguments. It may come long after call_run: spec->conn still exists then, but
 * may be closed. */
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
  struct json_look look; /* what was seen of the JSON; for CALL_JSON, it may
                          * be that of nobody: {0} */
  /* For a handler: its message type is shown to @message first. */
  bool gated;
  /* A request of plain HTTP, borrowed like the arguments; later it only says
   * that what is returned becomes an answer of HTTP (script/web_answer). */
  const struct web_request *web;
  int results;        /* how many of the values it returns are encoded */
  call_done_fn *done; /* NULL: the result does not matter */
  void *arg;          /* for `done` */
  /* A trace that it is part of, unless one is under way; borrowed as the
   * arguments. len 0: none. */
  struct slice traceparent;
  struct span *span; /* that it is of, while a trace is on; borrowed until
                      * call_run returns; NULL: none, or one of its own */
};

#endif
