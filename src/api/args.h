/* SPDX-License-Identifier: MIT
 * What a call is given: the members of its JSON body, or the parameters behind
 * the question mark.
 *
 * One table has each of them: its name, its form, its sentence for the
 * documents. A call names those that it takes (api/call). Everything else is
 * refused: a member that is misspelt would do nothing, and nobody would see
 * that. */
#ifndef API_ARGS_H
#define API_ARGS_H

#include "base/attr.h"
#include "base/buf.h"
#include "wire/problem.h"
#include "wire/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum api_form {
  API_FORM_TEXT,    /* of `min` to `max` bytes, without control characters */
  API_FORM_TEXTS,   /* an array of 1 to API_TEXTS_MAX of them */
  API_FORM_INT,     /* from `min` to `max` */
  API_FORM_TRUE,    /* true; false is as if it was not there */
  API_FORM_BOOL,    /* true or false, as 1 or 0 in `number` */
  API_FORM_MESSAGE, /* {"type":…,"data":…} */
  API_FORM_ANY,     /* any JSON */
};

/* X(NAME, name, FORM, min, max, doc) */
#define API_ARGS(X)                                                            \
  X(USER, "user", TEXT, 1, 128, "id of a user")                                \
  X(USERS, "users", TEXTS, 1, 128, "ids of users")                             \
  X(ROOM, "room", TEXT, 1, 128, "name of a room")                              \
  X(ROOMS, "rooms", TEXTS, 1, 128, "names of rooms")                           \
  X(ALL, "all", TRUE, 0, 0, "`true`: everybody who has logged in")             \
  X(MESSAGE, "message", MESSAGE, 0, 0, "what clients get")                     \
  X(EXCEPT_USER, "except_user", TEXT, 1, 128, "a user who does not get it")    \
  X(ID, "id", TEXT, 1, 128,                                                    \
    "to a room: the same id again, within 5 minutes, is not sent")             \
  X(KEY, "key", TEXT, 1, 128, "in a room with `latest`: which value this is")  \
  X(KEEP, "keep", BOOL, 0, 1,                                                  \
    "in a room with a history: `false` is for those who are there only")       \
  X(CONN, "conn", INT, 1, INT64_C(9007199254740991), "id of a connection")     \
  X(CODE, "code", INT, 1000, 4999,                                             \
    "close code: 1000 to 1003, 1007 to 1014, or 3000 to 4999; without one it " \
    "is 4502, and the client does not come back")                              \
  X(REASON, "reason", TEXT, 1, 123, "reason in the close frame")               \
  X(DATA, "data", ANY, 0, 0, "what the handler gets as `request.data`")        \
  X(TYPE, "type", TEXT, 1, 64, "which handler: `[\"@http TYPE\"]`")            \
  X(OF_TYPE, "type", TEXT, 1, 64,                                              \
    "a type of messages; or of a call: a hook, `@http TYPE`")                  \
  X(CALL, "call", TEXT, 1, 64, "in a line of a batch: which call it is")       \
  X(PREFIX, "prefix", TEXT, 0, 128, "only names that begin like this")         \
  X(AFTER, "after", TEXT, 0, 128, "only names behind this one")                \
  X(AFTER_SEQ, "after", INT, 0, INT64_C(9007199254740991),                     \
    "only messages behind this number")                                        \
  X(BEFORE_SEQ, "before", INT, 1, INT64_C(9007199254740991),                   \
    "only messages before this number")                                        \
  X(LIMIT, "limit", INT, 1, 1000, "how many; without it 100")

enum api_arg {
#define API_ARG_INDEX(name, word, form, min, max, doc) API_ARG_##name,
  API_ARGS(API_ARG_INDEX)
#undef API_ARG_INDEX
      API_ARG_COUNT
};

enum { API_TEXTS_MAX = 10000 };

/* A set of them. */
#define API_HAS(name) (1U << API_ARG_##name)

struct api_arg_info {
  const char *name;
  enum api_form form;
  int64_t min, max;
  const char *doc;
};

extern const struct api_arg_info api_arg_table[API_ARG_COUNT];

/* What was given. Texts are without escapes, in `scratch` or in the body. */
struct api_args {
  unsigned has;                     /* API_HAS of each that is there */
  struct slice text[API_ARG_COUNT]; /* TEXT; TEXTS and ANY: the JSON */
  int64_t number[API_ARG_COUNT];    /* INT */
  struct slice type, data;          /* of MESSAGE; data as JSON, or empty */
};

/* Which of them a call takes. */
struct api_wants {
  unsigned takes;  /* API_HAS of all that may be there */
  unsigned needs;  /* those that must be there */
  unsigned one_of; /* exactly one of these must be there; 0: no such rule */
};

/* Reads a body. `scratch` is emptied, and holds what was unescaped: it must
 * live as long as `args`, and so must the body. False, with the reason in
 * `problem`, if it is not what the call wants. */
MUST_CHECK bool api_args_read(struct api_args *args,
                              const struct api_wants *wants, struct slice body,
                              struct buf *scratch, struct problem *problem);

/* For TEXTS: takes the next text off the front of `list`, which begins as
 * args->text[…]. Its bytes are written to `out`. False at the end. */
enum { API_TEXT_BYTES = 128 };
bool api_args_next(struct slice *list, char out[API_TEXT_BYTES + 1],
                   size_t *len);

#endif
