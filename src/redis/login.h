/* SPDX-License-Identifier: MIT
 * The first commands of a connection: who we are, which database, whether this
 * is a master that serves (and a node of a cluster, if the URL says so), and
 * all scripts.
 *
 * The scripts come first, before any other command: a script that Redis does
 * not know in the middle of a pipeline would be sent once more behind commands
 * that were given after it, and a room's messages would change places. */
#ifndef REDIS_LOGIN_H
#define REDIS_LOGIN_H

#include "base/buf.h"
#include "config/redis_url.h"
#include "redis/link.h"
#include "redis/reply.h"

#include <stdbool.h>
#include <stddef.h>

struct adapter;

enum { LOGIN_VERSION_BYTES = 24, LOGIN_WHY_BYTES = 320 };

/* Borrowed as long as the login lasts. */
struct login_options {
  const struct redis_url *url;
  const char *name;
  bool subscriber; /* only the password and the name */
  const struct link_script *scripts;
  size_t script_count;
};

struct login {
  const struct login_options *options;
  struct adapter *adapter;
  size_t left; /* answers that are still to come */
  char why[LOGIN_WHY_BYTES];
  enum reply_error error;            /* of `why`, or REPLY_NO_ERROR */
  char version[LOGIN_VERSION_BYTES]; /* of the server; "" if it is not told */
  bool evicts; /* the server drops keys when it is full: see the manual */
  void (*done)(void *arg, struct login *login);
  void *arg;
};

/* Sends them. `done` is called when all answers are there: `why` is "" when all
 * is well. It is not called when the connection ends before. */
MUST_CHECK int login_start(struct login *login, struct adapter *adapter,
                           const struct login_options *options,
                           void (*done)(void *arg, struct login *login),
                           void *arg);

#endif
