/* SPDX-License-Identifier: MIT
 * Sending to users, rooms and everyone. */
#include "hub/delivery.h"

#include "base/log.h"
#include "base/mem.h"

#include <string.h>
#include <time.h>

/* --- here --------------------------------------------------------------- */

static uint32_t deliver(struct conn *conn, struct frame *frame,
                        struct delivery_opts opts) {
  if (conn->id == opts.except || (opts.drop && conn_is_behind(conn)))
    return 0;
  return conn_send(conn, frame) == 0;
}

static uint32_t send_to_user(struct manager *manager, const char *id,
                             size_t len, struct frame *frame,
                             struct delivery_opts opts) {
  struct user *user = manager_user(manager, id, len);
  uint32_t sent = 0;
  if (!user)
    return 0;
  LIST_FOREACH_SAFE (it, &user->conns)
    sent += deliver(container_of(it, struct conn, user_node), frame, opts);
  return sent;
}

static uint32_t send_to_room(struct manager *manager, const char *name,
                             size_t len, struct frame *frame,
                             struct delivery_opts opts) {
  struct room *room = manager_room(manager, name, len);
  uint32_t sent = 0;
  if (!room)
    return 0;
  /* From the end: a full queue closes the member it is at, which moves the
   * last member, visited already, into its place. */
  for (uint32_t i = room->count; i > 0; i--)
    sent += deliver(room->members[i - 1].conn, frame, opts);
  return sent;
}

static uint32_t send_to_all(struct manager *manager, struct frame *frame,
                            struct delivery_opts opts) {
  uint32_t sent = 0;
  LIST_FOREACH_SAFE (it, &manager->conns) {
    struct conn *conn = container_of(it, struct conn, node);
    if (conn->state == CONN_READY && conn->user)
      sent += deliver(conn, frame, opts);
  }
  return sent;
}

static uint32_t close_user(struct manager *manager, const char *id, size_t len,
                           int code, const char *reason, uint64_t except) {
  struct user *user = manager_user(manager, id, len);
  uint32_t closed = 0;
  if (!user)
    return 0;
  LIST_FOREACH_SAFE (it, &user->conns) {
    struct conn *conn = container_of(it, struct conn, user_node);
    if (conn->id == except)
      continue;
    conn_close(conn, code, reason);
    closed++;
  }
  return closed;
}

/* --- elsewhere ---------------------------------------------------------- */

/* Said once a second at most; why the worker is behind says the watchdog. */
static void say_left_out(struct manager *manager, int worker) {
  int64_t now = time(NULL);
  manager->owner.stats->bus_left_out++;
  if (manager->left_out_s == now)
    return;
  manager->left_out_s = now;
  log_warn("worker=%d is too far behind: messages to its clients are left out",
           worker + 1);
}

uint32_t delivery_post(struct manager *manager,
                       const struct bus_letter *letter) {
  uint32_t counts[BUS_WORKERS_MAX], sum = 0;
  struct bus *bus = manager->bus;
  if (letter->to == BUS_USER)
    whereabouts_of_user(bus->whereabouts, letter->target, letter->target_len,
                        counts);
  else if (letter->to == BUS_ROOM)
    whereabouts_of_room(bus->whereabouts, letter->target, letter->target_len,
                        counts);
  else
    whereabouts_of_all(bus->whereabouts, counts);
  for (int i = 0; i < bus->workers; i++) {
    if (i == manager->worker || counts[i] == 0)
      continue;
    if (bus_post(bus, i, letter))
      sum += counts[i];
    else
      say_left_out(manager, i);
  }
  return sum;
}

static uint32_t post_frame(struct manager *manager, enum bus_to to,
                           const char *target, size_t len, struct frame *frame,
                           struct delivery_opts opts) {
  struct bus_letter letter = {.to = to,
                              .what = BUS_SEND,
                              .frame = frame,
                              .except = opts.except,
                              .drop = opts.drop,
                              .target = target,
                              .target_len = len};
  return manager->bus ? delivery_post(manager, &letter) : 0;
}

void delivery_receive(struct manager *manager,
                      const struct bus_letter *letter) {
  struct delivery_opts opts = {letter->except, letter->drop};
  const char *target = letter->target;
  size_t len = letter->target_len;
  const char *reason = *letter->text ? letter->text : NULL;
  struct conn *conn;
  bool close = letter->what == BUS_CLOSE;
  switch (letter->to) {
  case BUS_USER:
    if (close)
      close_user(manager, target, len, letter->code, reason, letter->except);
    else
      send_to_user(manager, target, len, letter->frame, opts);
    break;
  case BUS_ROOM:
    send_to_room(manager, target, len, letter->frame, opts);
    break;
  case BUS_ALL:
    send_to_all(manager, letter->frame, opts);
    break;
  case BUS_CONN:
    conn = manager_conn(manager, letter->conn);
    if (conn && close)
      conn_close(conn, letter->code, reason);
    else if (conn)
      deliver(conn, letter->frame, opts);
    break;
  }
}

/* --- both --------------------------------------------------------------- */

uint32_t delivery_send_to_user(struct manager *manager, const char *id,
                               size_t len, struct frame *frame,
                               struct delivery_opts opts) {
  return send_to_user(manager, id, len, frame, opts) +
         post_frame(manager, BUS_USER, id, len, frame, opts);
}

uint32_t delivery_send_to_room(struct manager *manager, const char *name,
                               size_t len, struct frame *frame,
                               struct delivery_opts opts) {
  return send_to_room(manager, name, len, frame, opts) +
         post_frame(manager, BUS_ROOM, name, len, frame, opts);
}

uint32_t delivery_broadcast(struct manager *manager, struct frame *frame,
                            struct delivery_opts opts) {
  return send_to_all(manager, frame, opts) +
         post_frame(manager, BUS_ALL, NULL, 0, frame, opts);
}

uint32_t delivery_close_user(struct manager *manager, const char *id,
                             size_t len, int code, const char *reason,
                             uint64_t except) {
  struct bus_letter letter = {.to = BUS_USER,
                              .what = BUS_CLOSE,
                              .except = except,
                              .target = id,
                              .target_len = len,
                              .code = code,
                              .text = reason};
  /* The others first: `id` may be that of a connection that closes here. */
  uint32_t elsewhere = manager->bus ? delivery_post(manager, &letter) : 0;
  return elsewhere + close_user(manager, id, len, code, reason, except);
}

/* The connections of a user up to one of them, in the order of their logins. */
struct older {
  uint64_t until;
  uint64_t *ids;
  int *workers;
  uint32_t count, cap;
  bool reached;
};

static void note_older(void *arg, const struct whereabouts_conn *conn) {
  struct older *older = arg;
  older->reached |= conn->id == older->until;
  if (older->reached)
    return;
  if (older->count == older->cap) {
    older->cap = older->cap ? older->cap * 2 : 4;
    older->ids = mem_realloc(older->ids, older->cap * sizeof *older->ids);
    older->workers =
        mem_realloc(older->workers, older->cap * sizeof *older->workers);
  }
  older->ids[older->count] = conn->id;
  older->workers[older->count++] = conn->worker;
}

static void close_older(struct manager *manager, const struct conn *conn,
                        int code) {
  struct older older = {.until = conn->id};
  const char *user = conn->user->id;
  whereabouts_each_conn(manager->bus->whereabouts, user, strlen(user),
                        note_older, &older);
  for (uint32_t i = 0; i < older.count; i++) {
    struct bus_letter letter = {
        .to = BUS_CONN, .what = BUS_CLOSE, .conn = older.ids[i], .code = code};
    struct conn *here = manager_conn(manager, older.ids[i]);
    if (here)
      conn_close(here, code, NULL);
    else if (older.workers[i] != manager->worker)
      (void)bus_post(manager->bus, older.workers[i], &letter);
  }
  mem_free(older.ids);
  mem_free(older.workers);
}

void delivery_close_older(struct manager *manager, const struct conn *conn,
                          int code) {
  const char *user = conn->user->id;
  if (manager->bus)
    close_older(manager, conn, code);
  else
    close_user(manager, user, strlen(user), code, NULL, conn->id);
}
