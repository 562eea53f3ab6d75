/* SPDX-License-Identifier: MIT
 * Who is where, in the whole process: users, rooms and addresses over all
 * workers.
 *
 * Each worker keeps its own connections (core/manager) and tells the directory
 * when one logs in, joins, leaves or goes; whoever sends asks it which other
 * workers have a receiver. So a message wakes only workers that it concerns,
 * and a sender learns how many it reaches without waiting for them. A process
 * with one worker has no directory.
 *
 * One lock for all of it: what happens under it is a hash look-up or two,
 * and sends to a worker's own connections never take it. */
#ifndef CORE_DIRECTORY_H
#define CORE_DIRECTORY_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct directory;

/* A connection as other workers see it. */
struct directory_conn {
  uint64_t id;
  int worker; /* 0, 1, … */
  const char *user, *address;
  const char *claims; /* JSON, or NULL */
  int64_t opened_s;   /* Unix seconds */
  bool raw;           /* speaks a protocol of the scripts */
};

MUST_CHECK struct directory *directory_new(int workers);

/* Nothing may be in it any more. Accepts NULL. */
void directory_free(struct directory *directory);

/* One connection more from that address; ERR_LIMIT_EXCEEDED, counted all the
 * same, if there are more than `connections` in all or `per_address` from
 * there (0: no limit). */
MUST_CHECK int directory_connect(struct directory *directory,
                                 const char *address, uint32_t connections,
                                 uint32_t per_address);

void directory_disconnect(struct directory *directory, const char *address);

/* The connection has logged in. What `conn` points to is copied.
 * ERR_LIMIT_EXCEEDED, and no change, if the user has `per_user` already (0: no
 * limit). */
MUST_CHECK int directory_login(struct directory *directory,
                               const struct directory_conn *conn,
                               uint32_t per_user);

/* It is closed, or going to be. */
void directory_logout(struct directory *directory, const char *user,
                      uint64_t conn);

/* A connection of `worker` and `user` is a member of the room; or no longer.
 * An empty `user` is one that has none: it counts, and has no name. */
void directory_join(struct directory *directory, int worker, const char *user,
                    const char *room);
void directory_leave(struct directory *directory, int worker, const char *user,
                     const char *room);

/* How many connections each worker has: of a user, in a room, logged in at
 * all. `counts` has a place for each worker. Returns their sum. */
uint32_t directory_of_user(struct directory *directory, const char *user,
                           size_t len, uint32_t *counts);
uint32_t directory_of_room(struct directory *directory, const char *room,
                           size_t len, uint32_t *counts);
uint32_t directory_of_all(struct directory *directory, uint32_t *counts);

/* Whether that connection of that user is logged in. */
bool directory_has(struct directory *directory, const char *user, size_t len,
                   uint64_t conn);

/* Called under the lock: must not come back to the directory, nor raise. */
typedef void directory_text_fn(void *arg, const char *text);
typedef void directory_conn_fn(void *arg, const struct directory_conn *conn);

/* The distinct users in a room; all rooms; the connections of a user. */
void directory_each_member(struct directory *directory, const char *room,
                           size_t len, directory_text_fn *each, void *arg);
void directory_each_room(struct directory *directory, directory_text_fn *each,
                         void *arg);
void directory_each_conn(struct directory *directory, const char *user,
                         size_t len, directory_conn_fn *each, void *arg);

#endif
