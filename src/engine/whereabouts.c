/* SPDX-License-Identifier: MIT
 * Who is where, in the whole process.
 *
 * The truth about a connection is with its worker: hub/manager knows its user
 * and its rooms. What stands here is the shadow of all managers together. Each
 * worker writes its own part, at the moment at which its manager changes, and
 * never that of another. So an entry is never wrong for long, but an answer is
 * true only while the lock is held: a member may have left when the letter
 * arrives. Who gets a letter looks at its own manager again; who sends counts
 * on nothing more than "that worker had a receiver just now".
 *
 * One lock is enough, as so little happens under it, and as nobody waits for
 * anything else while he holds it. For that:
 *
 * - No function here calls another one of this file's interface: the lock is
 *   not recursive.
 * - The callbacks of whereabouts_each_… run under the lock. They copy texts.
 *   They must not ask the whereabouts, and must not raise an error of Lua: it
 *   would jump over the unlock, and every worker would stand still.
 * - Texts that a callback is given belong to the whereabouts, and may be gone
 *   when it has returned.
 *
 * Who is told that a user came or went (whereabouts_watch) is called under the
 * lock, too: it posts a letter, and so the letters about one user, which go to
 * one worker, stand in the order of what happened. The lock of a mailbox is
 * taken inside of this one, and never the other way round.
 *
 * Limits over all workers are checked where they are counted, under the lock:
 * two workers cannot both take the last place. whereabouts_connect counts also
 * what it refuses, so that there is one whereabouts_disconnect for each call.
 *
 * An object lives as long as somebody is in it. The last one to leave a room,
 * the last connection of a user and of an address free theirs; so
 * whereabouts_free finds nothing, or there is a connection that was not counted
 * out: it aborts. */
#include "engine/whereabouts_tables.h"

#include "base/err.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* An object whose last field, at `offset`, is the text. */
static void *new_named(size_t offset, const char *text) {
  size_t len = strlen(text);
  char *object = mem_alloc(offset + len + 1);
  memcpy(object + offset, text, len);
  return object;
}

struct whereabouts *whereabouts_new(int workers) {
  struct whereabouts *whereabouts = mem_alloc(sizeof *whereabouts);
  whereabouts->workers = workers;
  whereabouts->logged_in = mem_alloc((size_t)workers * sizeof(uint32_t));
  whereabouts->listens = mem_alloc((size_t)workers * sizeof(bool));
  uv_mutex_init(&whereabouts->lock);
  return whereabouts;
}

void whereabouts_free(struct whereabouts *whereabouts) {
  if (!whereabouts)
    return;
  if (whereabouts->users || whereabouts->rooms || whereabouts->addresses)
    abort(); /* a connection that is still there would use them */
  uv_mutex_destroy(&whereabouts->lock);
  mem_free(whereabouts->logged_in);
  mem_free(whereabouts->listens);
  mem_free(whereabouts);
}

/* --- addresses ---------------------------------------------------------- */

int whereabouts_connect(struct whereabouts *whereabouts, const char *address,
                        uint32_t connections, uint32_t per_address) {
  struct dir_address *found;
  uv_mutex_lock(&whereabouts->lock);
  HASH_FIND_STR(whereabouts->addresses, address, found);
  if (!found) {
    found = new_named(offsetof(struct dir_address, text), address);
    HASH_ADD_STR(whereabouts->addresses, text, found);
  }
  bool crowd = ++found->count > per_address && per_address;
  bool many = ++whereabouts->connections > connections && connections;
  uv_mutex_unlock(&whereabouts->lock);
  if (crowd)
    return ERR_LIMIT_EXCEEDED;
  return many ? ERR_OVERLOADED : 0;
}

void whereabouts_disconnect(struct whereabouts *whereabouts,
                            const char *address) {
  struct dir_address *found;
  uv_mutex_lock(&whereabouts->lock);
  whereabouts->connections--;
  HASH_FIND_STR(whereabouts->addresses, address, found);
  if (found && --found->count == 0) {
    HASH_DEL(whereabouts->addresses, found);
    mem_free(found);
  }
  uv_mutex_unlock(&whereabouts->lock);
}

/* --- users -------------------------------------------------------------- */

static struct dir_login *new_login(const struct dir_user *user,
                                   const struct whereabouts_conn *conn) {
  struct dir_login *login = mem_alloc(sizeof *login);
  list_init(&login->node);
  login->conn = *conn;
  login->conn.user = user->id;
  login->conn.address = mem_strdup(conn->address);
  login->conn.claims = mem_strdup(conn->claims);
  return login;
}

static void free_login(struct dir_login *login) {
  mem_free((char *)login->conn.address);
  mem_free((char *)login->conn.claims);
  mem_free(login);
}

void whereabouts_watch(struct whereabouts *whereabouts,
                       whereabouts_user_fn *watcher, void *arg) {
  whereabouts->watcher = watcher;
  whereabouts->watcher_arg = arg;
}

void whereabouts_tell(struct whereabouts *whereabouts,
                      whereabouts_turned_fn *user, whereabouts_turned_fn *room,
                      void *arg) {
  whereabouts->user_turned = user;
  whereabouts->room_turned = room;
  whereabouts->turned_arg = arg;
}

void whereabouts_census(struct whereabouts *whereabouts,
                        whereabouts_census_fn *census, void *arg) {
  whereabouts->census = census;
  whereabouts->census_arg = arg;
}

void whereabouts_listen(struct whereabouts *whereabouts, int worker,
                        bool listens) {
  uv_mutex_lock(&whereabouts->lock);
  whereabouts->listeners += listens - whereabouts->listens[worker];
  whereabouts->listens[worker] = listens;
  uv_mutex_unlock(&whereabouts->lock);
}

/* Tells the worker that the user's name leads to, or the next one that
 * listens. */
static void tell_turned(const struct whereabouts *whereabouts, const char *user,
                        bool online) {
  if (whereabouts->user_turned)
    whereabouts->user_turned(whereabouts->turned_arg, user, online);
  if (whereabouts->listeners == 0 || !whereabouts->watcher)
    return;
  unsigned workers = (unsigned)whereabouts->workers;
  unsigned worker = hash_bytes(user, strlen(user)) % workers;
  while (!whereabouts->listens[worker])
    worker = (worker + 1) % workers;
  whereabouts->watcher(whereabouts->watcher_arg, (int)worker, user, online);
}

void whereabouts_say_user(struct whereabouts *whereabouts, const char *user,
                          bool online) {
  uv_mutex_lock(&whereabouts->lock);
  tell_turned(whereabouts, user, online);
  uv_mutex_unlock(&whereabouts->lock);
}

/* The user has one connection more, or less. */
static void note_user_count(const struct whereabouts *whereabouts,
                            const struct dir_user *user, bool came) {
  if (whereabouts->census)
    whereabouts->census(whereabouts->census_arg, user->id, user->count);
  else if (user->count == (came ? 1 : 0))
    tell_turned(whereabouts, user->id, came);
}

int whereabouts_login(struct whereabouts *whereabouts,
                      const struct whereabouts_conn *conn, uint32_t per_user) {
  struct dir_user *user;
  int err = 0;
  uv_mutex_lock(&whereabouts->lock);
  HASH_FIND_STR(whereabouts->users, conn->user, user);
  if (user && per_user && user->count >= per_user) {
    err = ERR_LIMIT_EXCEEDED;
    goto out;
  }
  if (!user) {
    user = new_named(offsetof(struct dir_user, id), conn->user);
    list_init(&user->conns);
    HASH_ADD_STR(whereabouts->users, id, user);
  }
  list_push(&user->conns, &new_login(user, conn)->node);
  user->count++;
  note_user_count(whereabouts, user, true);
  whereabouts->logged_in[conn->worker]++;
out:
  uv_mutex_unlock(&whereabouts->lock);
  return err;
}

static void replace_text(const char **at, const char *text) {
  char *before = (char *)*at;
  if (before && text && strcmp(before, text) == 0)
    return;
  *at = mem_strdup(text);
  mem_free(before);
}

void whereabouts_change(struct whereabouts *whereabouts,
                        const struct whereabouts_conn *conn) {
  struct dir_user *user;
  uv_mutex_lock(&whereabouts->lock);
  HASH_FIND_STR(whereabouts->users, conn->user, user);
  struct dir_login *login = user ? dir_find_login(user, conn->id) : NULL;
  if (login) {
    replace_text(&login->conn.address, conn->address);
    replace_text(&login->conn.claims, conn->claims);
    login->conn.away = conn->away;
  }
  uv_mutex_unlock(&whereabouts->lock);
}

void whereabouts_logout(struct whereabouts *whereabouts, const char *user,
                        uint64_t conn) {
  struct dir_user *found;
  uv_mutex_lock(&whereabouts->lock);
  HASH_FIND_STR(whereabouts->users, user, found);
  struct dir_login *login = found ? dir_find_login(found, conn) : NULL;
  if (login) {
    whereabouts->logged_in[login->conn.worker]--;
    list_remove(&login->node);
    free_login(login);
    found->count--;
    note_user_count(whereabouts, found, false);
    if (found->count == 0) {
      HASH_DEL(whereabouts->users, found);
      mem_free(found);
    }
  }
  uv_mutex_unlock(&whereabouts->lock);
}

/* --- rooms -------------------------------------------------------------- */

static void tell_room_turned(const struct whereabouts *whereabouts,
                             const char *room, bool occupied) {
  if (whereabouts->room_turned)
    whereabouts->room_turned(whereabouts->turned_arg, room, occupied);
}

static struct dir_room *room_named(struct whereabouts *whereabouts,
                                   const char *name) {
  struct dir_room *room;
  HASH_FIND_STR(whereabouts->rooms, name, room);
  if (!room) {
    room = new_named(offsetof(struct dir_room, name), name);
    room->counts = mem_alloc((size_t)whereabouts->workers * sizeof(uint32_t));
    HASH_ADD_STR(whereabouts->rooms, name, room);
  }
  return room;
}

static void add_seat(struct dir_member *member, uint64_t conn) {
  if (*member->user && member->count == member->cap) {
    member->cap = member->cap ? member->cap * 2 : 1;
    member->conns =
        mem_realloc(member->conns, member->cap * sizeof *member->conns);
  }
  if (*member->user)
    member->conns[member->count] = conn;
  member->count++;
}

void whereabouts_join(struct whereabouts *whereabouts, int worker,
                      uint64_t conn, const char *user, const char *room) {
  struct dir_member *member;
  uv_mutex_lock(&whereabouts->lock);
  struct dir_room *found = room_named(whereabouts, room);
  HASH_FIND_STR(found->members, user, member);
  if (!member) {
    member = new_named(offsetof(struct dir_member, user), user);
    HASH_ADD_STR(found->members, user, member);
  }
  add_seat(member, conn);
  found->counts[worker]++;
  if (++found->total == 1)
    tell_room_turned(whereabouts, found->name, true);
  uv_mutex_unlock(&whereabouts->lock);
}

static void drop_seat(struct dir_room *room, struct dir_member *member,
                      uint64_t conn) {
  uint32_t last = --member->count;
  if (last == 0) {
    HASH_DEL(room->members, member);
    mem_free(member->conns);
    mem_free(member);
  } else if (*member->user) {
    member->conns[dir_seat_of(member, conn)] = member->conns[last];
  }
}

void whereabouts_leave(struct whereabouts *whereabouts, int worker,
                       uint64_t conn, const char *user, const char *room) {
  struct dir_room *found;
  struct dir_member *member = NULL;
  uv_mutex_lock(&whereabouts->lock);
  HASH_FIND_STR(whereabouts->rooms, room, found);
  if (found)
    HASH_FIND_STR(found->members, user, member);
  if (member) {
    drop_seat(found, member, conn);
    found->counts[worker]--;
    if (--found->total == 0) {
      tell_room_turned(whereabouts, found->name, false);
      HASH_DEL(whereabouts->rooms, found);
      mem_free(found->counts);
      mem_free(found);
    }
  }
  uv_mutex_unlock(&whereabouts->lock);
}

/* --- questions ---------------------------------------------------------- */

uint32_t whereabouts_of_user(struct whereabouts *whereabouts, const char *user,
                             size_t len, uint32_t *counts) {
  struct dir_user *found;
  memset(counts, 0, (size_t)whereabouts->workers * sizeof *counts);
  uv_mutex_lock(&whereabouts->lock);
  HASH_FIND(hh, whereabouts->users, user, len, found);
  if (found)
    LIST_FOREACH (it, &found->conns)
      counts[container_of(it, struct dir_login, node)->conn.worker]++;
  uint32_t total = found ? found->count : 0;
  uv_mutex_unlock(&whereabouts->lock);
  return total;
}

uint32_t whereabouts_of_room(struct whereabouts *whereabouts, const char *room,
                             size_t len, uint32_t *counts) {
  struct dir_room *found;
  size_t size = (size_t)whereabouts->workers * sizeof *counts;
  memset(counts, 0, size);
  uv_mutex_lock(&whereabouts->lock);
  HASH_FIND(hh, whereabouts->rooms, room, len, found);
  if (found)
    memcpy(counts, found->counts, size);
  uint32_t total = found ? found->total : 0;
  uv_mutex_unlock(&whereabouts->lock);
  return total;
}

uint32_t whereabouts_of_all(struct whereabouts *whereabouts, uint32_t *counts) {
  uint32_t total = 0;
  uv_mutex_lock(&whereabouts->lock);
  for (int i = 0; i < whereabouts->workers; i++)
    total += counts[i] = whereabouts->logged_in[i];
  uv_mutex_unlock(&whereabouts->lock);
  return total;
}

bool whereabouts_has(struct whereabouts *whereabouts, const char *user,
                     size_t len, uint64_t conn) {
  struct dir_user *found;
  uv_mutex_lock(&whereabouts->lock);
  HASH_FIND(hh, whereabouts->users, user, len, found);
  bool has = found && dir_find_login(found, conn);
  uv_mutex_unlock(&whereabouts->lock);
  return has;
}

bool whereabouts_is_away(struct whereabouts *whereabouts, const char *user,
                         size_t len, uint64_t conn) {
  struct dir_user *found;
  uv_mutex_lock(&whereabouts->lock);
  HASH_FIND(hh, whereabouts->users, user, len, found);
  const struct dir_login *login = found ? dir_find_login(found, conn) : NULL;
  bool away = login && login->conn.away;
  uv_mutex_unlock(&whereabouts->lock);
  return away;
}

struct whereabouts_count whereabouts_count_room(struct whereabouts *whereabouts,
                                                const char *room, size_t len) {
  struct whereabouts_count count = {0};
  struct dir_room *found;
  struct dir_member *nameless;
  uv_mutex_lock(&whereabouts->lock);
  HASH_FIND(hh, whereabouts->rooms, room, len, found);
  if (found) {
    HASH_FIND(hh, found->members, "", 0, nameless);
    count.users = HASH_COUNT(found->members) - (nameless ? 1 : 0);
    count.connections = found->total;
  }
  uv_mutex_unlock(&whereabouts->lock);
  return count;
}

bool whereabouts_is_in(struct whereabouts *whereabouts, const char *room,
                       size_t len, const char *user, uint64_t conn) {
  struct dir_room *found;
  struct dir_member *member = NULL;
  uv_mutex_lock(&whereabouts->lock);
  HASH_FIND(hh, whereabouts->rooms, room, len, found);
  if (found)
    HASH_FIND_STR(found->members, user, member);
  bool is_in = member && dir_seat_of(member, conn) < member->count;
  uv_mutex_unlock(&whereabouts->lock);
  return is_in;
}

uint32_t whereabouts_count_seats(struct whereabouts *whereabouts,
                                 const char *room, size_t room_len,
                                 const char *user, size_t user_len) {
  struct dir_room *found;
  struct dir_member *member = NULL;
  uv_mutex_lock(&whereabouts->lock);
  HASH_FIND(hh, whereabouts->rooms, room, room_len, found);
  if (found)
    HASH_FIND(hh, found->members, user, user_len, member);
  uint32_t count = member ? member->count : 0;
  uv_mutex_unlock(&whereabouts->lock);
  return count;
}

void whereabouts_each_conn(struct whereabouts *whereabouts, const char *user,
                           size_t len, whereabouts_conn_fn *each, void *arg) {
  struct dir_user *found;
  uv_mutex_lock(&whereabouts->lock);
  HASH_FIND(hh, whereabouts->users, user, len, found);
  if (found)
    LIST_FOREACH (it, &found->conns)
      each(arg, &container_of(it, struct dir_login, node)->conn);
  uv_mutex_unlock(&whereabouts->lock);
}
