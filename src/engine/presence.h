/* SPDX-License-Identifier: MIT
 * Who is in a room, as its members see it: users, with their devices, over all
 * workers.
 *
 * It is kept for rooms whose rule has `presence`, and for no others. Each
 * worker tells of its own connections as they join and leave (hub/roster). What
 * has changed in a room is gathered for a while. Then one worker makes one
 * message of it, for all members everywhere: what came to nothing meanwhile is
 * not in it.
 *
 * What members are told is absolute: a user with his devices and his info, or
 * that he is gone. So it does no harm to be told twice, and who has got the
 * list of a room and every message after that knows who is there.
 *
 * Every function may be called on any thread, but no two for the same worker at
 * the same time. `now_ms` is the time of a loop. */
#ifndef ENGINE_PRESENCE_H
#define ENGINE_PRESENCE_H

#include "base/attr.h"
#include "base/buf.h"
#include "engine/bus.h"
#include "engine/rules.h"
#include "wire/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  PRESENCE_INFO_BYTES = 1024,      /* what a connection may say of itself */
  PRESENCE_TEXT_BYTES = 64 * 1024, /* about the most of a list or a message */
  PRESENCE_ROOM_BYTES = 128,
};

/* What a connection says of itself: JSON, immutable and counted. */
struct presence_info;

MUST_CHECK struct presence_info *presence_info_new(const char *json,
                                                   size_t len);
/* Adds a holder, and returns it. NULL gives NULL. */
struct presence_info *presence_info_ref(struct presence_info *info);
/* Accepts NULL. */
void presence_info_unref(struct presence_info *info);

struct presence;

struct presence_options {
  uint64_t every_ms; /* a room's members get one message in that time */
  uint32_t list_max; /* users in a list, or in a message */
};

/* A connection in a room. */
struct presence_member {
  const char *room;
  enum rule_presence how; /* not RULE_NO_PRESENCE */
  int worker;             /* 0, 1, … */
  uint64_t conn;
  const char *user;           /* NULL: it is nobody's, and is only told */
  struct presence_info *info; /* NULL: it has said nothing */
};

/* `bus` is borrowed; NULL where there is one worker. */
MUST_CHECK struct presence *presence_new(struct bus *bus);

/* Accepts NULL. */
void presence_free(struct presence *presence);

void presence_configure(struct presence *presence,
                        struct presence_options options);

/* The connection is a member from now on. If it is one already, nothing
 * changes. */
void presence_enter(struct presence *presence,
                    const struct presence_member *member, uint64_t now_ms);

/* It is a member no more. If it was the user's last one there, he counts as
 * being there for another `grace_ms`. */
void presence_leave(struct presence *presence,
                    const struct presence_member *member, uint64_t grace_ms,
                    uint64_t now_ms);

/* The member has said something else of itself. */
void presence_tell(struct presence *presence,
                   const struct presence_member *member, uint64_t now_ms);

/* Members of the worker were there before it knew the rule, and have heard
 * nothing. All are told of everybody once more; nobody is missed who goes
 * meanwhile. */
void presence_tell_all(struct presence *presence, const char *name, int worker,
                       uint64_t now_ms);

/* The room's rule is another one. Its members, whom it knows already, are told
 * what they do not know yet. */
void presence_change(struct presence *presence, const char *name,
                     enum rule_presence how, int worker, uint64_t now_ms);

/* The room has no such rule any more: all about it is forgotten. */
void presence_forget(struct presence *presence, const char *name);

/* --- other machines ------------------------------------------------------- */

/* How a user is in a room on one machine. */
struct presence_entry {
  const char *user;
  uint32_t devices; /* 0: he is not there */
  int64_t since_s;  /* Unix time */
  const char *info; /* JSON of `info_len` bytes; 0: none */
  size_t info_len;
};

/* What the connections of this process make of a user has changed. Called under
 * the lock: it must not call a function of the presence. */
typedef void presence_watch_fn(void *arg, const char *room,
                               const struct presence_entry *entry);

/* Sets who is called then. To be called before the first connection. */
void presence_watch(struct presence *presence, presence_watch_fn *watcher,
                    void *arg);

/* A user on another machine, which is known by its number, is like this now. */
void presence_set_far(struct presence *presence, const char *name,
                      enum rule_presence how, uint64_t machine,
                      const struct presence_entry *entry, uint64_t now_ms);

/* The same for all machines: who is not among these is on none. */
struct presence_far {
  uint64_t machine;
  struct presence_entry entry;
};

void presence_replace_far(struct presence *presence, const char *name,
                          enum rule_presence how,
                          const struct presence_far *list, size_t count,
                          uint64_t now_ms);

/* A machine is gone, out of all rooms. */
void presence_drop_far(struct presence *presence, uint64_t machine,
                       uint64_t now_ms);

/* --- what is to be sent ------------------------------------------------- */

/* When that worker has something to do next, in time of its loop; 0: never. It
 * may be less after each of the functions above. */
uint64_t presence_due(struct presence *presence, int worker);

/* A message that is to be delivered to the members of `room` on this worker. */
struct presence_message {
  char room[PRESENCE_ROOM_BYTES + 1];
  size_t room_len;
  struct frame *frame; /* the caller owns the reference */
};

/* Does one piece of what is due at the worker; false when nothing is. With a
 * bus, a message is posted to every worker that has members, to this one, too,
 * so that messages of different workers keep their order: `message->frame` is
 * NULL then, and also where nobody needs to be told. */
MUST_CHECK bool presence_work(struct presence *presence, int worker,
                              uint64_t now_ms,
                              struct presence_message *message);

/* --- questions ---------------------------------------------------------- */

/* Appends who is there, for somebody who has just come: `"presence":[…]`, with
 * `,"more":N` if N users are left out of it, or `"presence":{"count":N}`.
 * Whoever gets this gets every message of the room from now on. */
void presence_put_list(struct presence *presence, const char *name,
                       struct buf *out);

/* Appends all users in the room, in the order in which they came:
 * `[{"user":…,"devices":…,"since":…,"info":…},…]`. `since` is in Unix seconds;
 * `info` is left out where there is none. */
void presence_put_users(struct presence *presence, const char *name,
                        struct buf *out);

/* Appends what is known of who is in the room, if anything is kept of it:
 * `{"count":N}`; and where that is more than a number, the entries of those of
 * the `count` named users who are there: `{"count":N,"users":[…]}`. False, and
 * nothing is appended, for other rooms. */
bool presence_put_some(struct presence *presence, const char *room,
                       char *const *names, size_t count, struct buf *out);

/* What is held now, and what was counted from the start. */
struct presence_stats {
  uint64_t rooms, users; /* users: in each room, once */
  uint64_t messages;     /* made */
  uint64_t changes;      /* users that these told of */
  uint64_t cancelled;    /* changes that came to nothing in time */
  uint64_t put_off;      /* times that a message waited for a worker that is
                          * too far behind */
};

struct presence_stats presence_stats(struct presence *presence);

#endif
