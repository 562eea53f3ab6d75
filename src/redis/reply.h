/* SPDX-License-Identifier: MIT
 * What Redis has answered, as a value that looks into the answer.
 *
 * Everything in it, and what reply_at gives, belongs to the answer: it is there
 * until the callback that got it returns. Keep a copy of what is needed later.
 */
#ifndef REDIS_REPLY_H
#define REDIS_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redisReply; /* of hiredis */

enum reply_kind {
  REPLY_NIL,
  REPLY_NUMBER,
  REPLY_TEXT, /* also a status like "OK" */
  REPLY_LIST,
  REPLY_ERROR /* `text` says what; see reply_error */
};

struct reply {
  enum reply_kind kind;
  int64_t number;   /* of REPLY_NUMBER */
  const char *text; /* of TEXT and ERROR, any bytes, then a zero; else "" */
  size_t len;       /* without that zero */
  size_t count;     /* of the entries of a LIST */
  const struct redisReply *inside;
};

/* X(NAME, word, help): the errors of Redis that somebody has to do something
 * about. `word` is how they begin, and the label of their counter. */
#define REPLY_ERROR_MAP(X)                                                     \
  X(OOM, "OOM", "Redis is full: raise maxmemory")                              \
  X(LOADING, "LOADING", "Redis is reading its data from the disk")             \
  X(READONLY, "READONLY", "this Redis is a replica")                           \
  X(MASTERDOWN, "MASTERDOWN", "this replica has lost its master")              \
  X(MOVED, "MOVED", "this Redis is one of a cluster")                          \
  X(ASK, "ASK", "this Redis is one of a cluster")                              \
  X(TRYAGAIN, "TRYAGAIN", "a slot of the cluster is on its way")               \
  X(CLUSTERDOWN, "CLUSTERDOWN", "the cluster does not serve all slots")        \
  X(NOSCRIPT, "NOSCRIPT", "somebody has said SCRIPT FLUSH")                    \
  X(NOREPLICAS, "NOREPLICAS", "too few replicas: see min-replicas-to-write")   \
  X(MISCONF, "MISCONF", "Redis cannot write its data to the disk")             \
  X(NOAUTH, "NOAUTH", "the URL needs a password")                              \
  X(WRONGPASS, "WRONGPASS", "user or password of the URL are wrong")           \
  X(NOPERM, "NOPERM", "the user of the URL may not do this: see ACL SETUSER")  \
  X(BUSY, "BUSY", "a script of somebody holds Redis")                          \
  X(OTHER, "other", "see the text of the error")

enum reply_error {
  REPLY_NO_ERROR,
#define REPLY_ERROR_ENUM(name, word, help) REPLY_##name,
  REPLY_ERROR_MAP(REPLY_ERROR_ENUM)
#undef REPLY_ERROR_ENUM
      REPLY_ERROR_COUNT
};

/* A view of the answer. */
struct reply reply_view(const struct redisReply *answer);

/* The entry of a list; NIL where it has none. */
struct reply reply_at(const struct reply *list, size_t index);

/* Which error it is; REPLY_NO_ERROR when it is none. */
enum reply_error reply_error(const struct reply *reply);

/* Whether it is an error by which a node of a cluster says that others have
 * what was asked for, or a part of it, or nobody has: nothing was done. */
bool reply_is_elsewhere(const struct reply *reply);

/* "OOM", and what an operator can do. */
const char *reply_error_word(enum reply_error error);
const char *reply_error_help(enum reply_error error);

/* Whether it is this text, byte for byte. */
bool reply_is(const struct reply *reply, const char *text);

#endif
