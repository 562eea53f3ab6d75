/* SPDX-License-Identifier: MIT
 * Who is where, in the whole process: users, rooms and addresses over all
 * workers.
 *
 * Each worker keeps its own connections (hub/manager). It tells the whereabouts
 * when one of them logs in, joins, leaves or goes. Whoever sends asks here
 * which other workers have a receiver. So a message wakes only the workers that
 * it concerns, and the sender learns how many it reaches without waiting for
 * them. A process with one worker has no whereabouts.
 *
 * One lock guards all of it. Under it there is a hash look-up or two. A
 * message to a user, a room or everyone takes it once, to learn which other
 * workers have a receiver. Who wants to see all takes it for some hundred names
 * at a time: what comes or goes meanwhile is told or not. */
#ifndef ENGINE_WHEREABOUTS_H
#define ENGINE_WHEREABOUTS_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct whereabouts;

/* A connection as other workers see it. */
struct whereabouts_conn {
  uint64_t id;
  uint64_t machine; /* where it is; 0: here */
  int worker;       /* 0, 1, … */
  const char *user, *address;
  const char *claims;       /* JSON, or NULL */
  int64_t opened_s;         /* Unix seconds */
  bool raw;                 /* speaks a protocol of the scripts */
  bool away;                /* its session waits for it to come back */
  const char *const *rooms; /* of whereabouts_each_device; else NULL */
  size_t room_count;
};

MUST_CHECK struct whereabouts *whereabouts_new(int workers);

/* Nobody may be in it any more: else it aborts. Accepts NULL. */
void whereabouts_free(struct whereabouts *whereabouts);

/* Counts one connection more from that address, also when it returns an error:
 * ERR_LIMIT_EXCEEDED when more than `per_address` are from there,
 * ERR_OVERLOADED when there are more than `connections` in all (0: no limit).
 */
MUST_CHECK int whereabouts_connect(struct whereabouts *whereabouts,
                                   const char *address, uint32_t connections,
                                   uint32_t per_address);

void whereabouts_disconnect(struct whereabouts *whereabouts,
                            const char *address);

/* The connection has logged in. What `conn` points to is copied.
 * ERR_LIMIT_EXCEEDED, and no change, if the user has `per_user` already (0: no
 * limit). */
MUST_CHECK int whereabouts_login(struct whereabouts *whereabouts,
                                 const struct whereabouts_conn *conn,
                                 uint32_t per_user);

/* The address, the claims of the connection, or whether it is away, are others
 * from now on. What `conn` points to is copied. Nothing if it has not logged
 * in. */
void whereabouts_change(struct whereabouts *whereabouts,
                        const struct whereabouts_conn *conn);

/* The connection is closed, or is about to be. */
void whereabouts_logout(struct whereabouts *whereabouts, const char *user,
                        uint64_t conn);

/* The first connection of a user has logged in, or his last one has logged out:
 * `worker` is to be told. Called under the lock, so that all of this comes in
 * order. It must not call a function of the whereabouts. */
typedef void whereabouts_user_fn(void *arg, int worker, const char *user,
                                 bool online);

/* Sets who is called then. To be called before the first login. */
void whereabouts_watch(struct whereabouts *whereabouts,
                       whereabouts_user_fn *watcher, void *arg);

/* Called like that, whoever listens: of a user; of a room, whose first member
 * has joined or whose last one has left. */
typedef void whereabouts_turned_fn(void *arg, const char *name, bool on);

/* Sets who is called then. To be called before the first login. */
void whereabouts_tell(struct whereabouts *whereabouts,
                      whereabouts_turned_fn *user, whereabouts_turned_fn *room,
                      void *arg);

/* How many connections a user has in this process has changed. As with
 * whereabouts_watch. */
typedef void whereabouts_census_fn(void *arg, const char *user, uint32_t count);

/* With other machines, only these together know who is online: sets who is
 * called of each user. Workers are told by whereabouts_say_user then, and not
 * by what happens here. To be called before the first login. */
void whereabouts_census(struct whereabouts *whereabouts,
                        whereabouts_census_fn *census, void *arg);

/* Has a worker told that the user is online, or is not any more. */
void whereabouts_say_user(struct whereabouts *whereabouts, const char *user,
                          bool online);

/* Whether the worker is one of those that are told of users. All about one user
 * goes to the same worker, as long as the same ones listen; while none does,
 * nobody is told. */
void whereabouts_listen(struct whereabouts *whereabouts, int worker,
                        bool listens);

/* The connection `conn` of `worker` and `user` is a member of the room, or is a
 * member no longer. A connection without a user has an empty `user`: it is
 * counted, and has no name. */
void whereabouts_join(struct whereabouts *whereabouts, int worker,
                      uint64_t conn, const char *user, const char *room);
void whereabouts_leave(struct whereabouts *whereabouts, int worker,
                       uint64_t conn, const char *user, const char *room);

/* How many connections each worker has: of a user, in a room, logged in at
 * all. `counts` has a place for each worker. Returns their sum. */
uint32_t whereabouts_of_user(struct whereabouts *whereabouts, const char *user,
                             size_t len, uint32_t *counts);
uint32_t whereabouts_of_room(struct whereabouts *whereabouts, const char *room,
                             size_t len, uint32_t *counts);
uint32_t whereabouts_of_all(struct whereabouts *whereabouts, uint32_t *counts);

/* Whether that connection of that user is logged in. */
bool whereabouts_has(struct whereabouts *whereabouts, const char *user,
                     size_t len, uint64_t conn);

/* Whether it is logged in, and away. */
bool whereabouts_is_away(struct whereabouts *whereabouts, const char *user,
                         size_t len, uint64_t conn);

/* Those that are in a room; connections without a user have no name. */
struct whereabouts_count {
  uint32_t users, connections;
};

/* How many are in a room. */
struct whereabouts_count whereabouts_count_room(struct whereabouts *whereabouts,
                                                const char *room, size_t len);

/* How many users have a connection to this process, and how many rooms a
 * member: each once, on whatever workers they are. */
struct whereabouts_totals {
  uint32_t users, rooms;
};
struct whereabouts_totals
whereabouts_count_all(struct whereabouts *whereabouts);

/* Whether that connection, which has logged in as that user, is in the room. */
bool whereabouts_is_in(struct whereabouts *whereabouts, const char *room,
                       size_t len, const char *user, uint64_t conn);

/* How many connections of that user are in the room. */
uint32_t whereabouts_count_seats(struct whereabouts *whereabouts,
                                 const char *room, size_t room_len,
                                 const char *user, size_t user_len);

/* The worker of a connection that is logged in; -1: it is not. It looks at all
 * connections: for what is asked rarely. */
int whereabouts_worker_of(struct whereabouts *whereabouts, uint64_t conn);

/* The user of such a connection, to be freed; NULL: it is not logged in. */
MUST_CHECK char *whereabouts_owner_of(struct whereabouts *whereabouts,
                                      uint64_t conn);

/* Called under the lock. It must not call a function of the whereabouts, and
 * must not raise an error of Lua. */
typedef void whereabouts_text_fn(void *arg, const char *text);
typedef void whereabouts_conn_fn(void *arg,
                                 const struct whereabouts_conn *conn);

/* The users that are logged in; the distinct users in a room; all rooms, in
 * pieces; the connections of a user. */
void whereabouts_each_user(struct whereabouts *whereabouts,
                           whereabouts_text_fn *each, void *arg);
void whereabouts_each_member(struct whereabouts *whereabouts, const char *room,
                             size_t len, whereabouts_text_fn *each, void *arg);
void whereabouts_each_room(struct whereabouts *whereabouts,
                           whereabouts_text_fn *each, void *arg);
void whereabouts_each_conn(struct whereabouts *whereabouts, const char *user,
                           size_t len, whereabouts_conn_fn *each, void *arg);

/* The connections of a user with the rooms that each is in, a moment ago. It
 * looks at all rooms: for what is asked rarely. */
void whereabouts_each_device(struct whereabouts *whereabouts, const char *user,
                             size_t len, whereabouts_conn_fn *each, void *arg);

#endif
