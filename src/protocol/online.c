/* SPDX-License-Identifier: MIT
 * Users that come and go.
 *
 * What is told here must come once each, and in order. The order is made where
 * the connections of a user are counted: with one worker in its manager, with
 * several under the lock of the whereabouts, which post a letter to the worker
 * that is told of this user. From there on it is kept here: a hook may wait,
 * and the next one of the same user begins when it has ended. Those of
 * different users do not wait for each other.
 *
 * What waits for a user is a row of bits. It is bounded, because a hook may
 * wait for long while its user comes and goes: past ONLINE_WAITING_MAX the
 * newest that waits and its opposite leave together, and are counted. What is
 * told last is true all the same. */
#include "protocol/online.h"

#include "base/mem.h"
#include "script/call.h"

#include <string.h>

struct online_user {
  UT_hash_handle hh;
  struct list node; /* in online->due; else its hook is running */
  struct protocol *protocol;
  uint64_t waiting; /* a bit for each, the next one is the lowest: whether the
                     * user came */
  uint32_t count;   /* of these bits */
  char id[];
};

/* Users of whom something is told, or is to be told. */
struct online {
  struct online_user *users;
  struct list due;
};

static struct online_user *note_user(struct protocol *protocol,
                                     const char *id) {
  struct online *online = protocol->online;
  struct online_user *user;
  size_t len = strlen(id);
  HASH_FIND(hh, online->users, id, len, user);
  if (!user) {
    user = mem_alloc(sizeof *user + len + 1);
    user->protocol = protocol;
    memcpy(user->id, id, len);
    HASH_ADD_KEYPTR(hh, online->users, user->id, len, user);
    list_init(&user->node);
    list_push(&online->due, &user->node);
  }
  return user;
}

void online_note(struct protocol *protocol, const char *id, bool is_online) {
  if (!protocol->online) {
    protocol->online = mem_alloc(sizeof *protocol->online);
    list_init(&protocol->online->due);
  }
  struct online_user *user = note_user(protocol, id);
  if (user->count == ONLINE_WAITING_MAX) {
    user->waiting &= ~(UINT64_C(1) << --user->count);
    protocol->stats.online_left_out++;
    return;
  }
  user->waiting |= (uint64_t)is_online << user->count++;
}

static void drop_user(struct online_user *user) {
  HASH_DEL(user->protocol->online->users, user);
  mem_free(user);
}

static void go_on_with(struct online_user *user) {
  if (user->count > 0)
    list_push(&user->protocol->online->due, &user->node);
  else
    drop_user(user);
}

static void on_told(const struct call_spec *spec,
                    const struct call_result *result) {
  (void)result;
  go_on_with(spec->arg);
}

static void tell_next(struct online_user *user) {
  struct generation *live = user->protocol->host.live;
  bool is_online = user->waiting & 1;
  user->waiting >>= 1;
  user->count--;
  struct call_spec spec = {
      .handler = live->hooks[is_online ? HOOK_ONLINE : HOOK_OFFLINE],
      .args = {{CALL_STRING, user->id, strlen(user->id)}},
      .nargs = 1,
      .done = on_told,
      .arg = user};
  if (spec.handler)
    call_run(live, &spec);
  else
    go_on_with(user);
}

void online_say(struct protocol *protocol) {
  struct list *node;
  if (!online_has_more(protocol))
    return;
  turn_part_begin(&protocol->host.turn);
  while (!turn_part_over(&protocol->host.turn) &&
         (node = list_shift(&protocol->online->due)))
    tell_next(container_of(node, struct online_user, node));
}

bool online_has_more(const struct protocol *protocol) {
  return protocol->online && !list_empty(&protocol->online->due);
}

static void on_user_turned(struct manager *manager, const char *user,
                           bool is_online) {
  online_note(container_of(manager, struct protocol, manager), user, is_online);
}

static void listen_to_users(struct manager *manager, bool listens) {
  if (manager->bus)
    whereabouts_listen(manager->bus->whereabouts, manager->worker, listens);
  else
    manager->user_turned = listens ? on_user_turned : NULL;
}

void online_listen(struct protocol *protocol) {
  const struct generation *live = protocol->host.live;
  listen_to_users(&protocol->manager,
                  live->hooks[HOOK_ONLINE] || live->hooks[HOOK_OFFLINE]);
}

void online_stop(struct protocol *protocol) {
  listen_to_users(&protocol->manager, false);
  if (protocol->manager.bus)
    bus_receive_all(protocol->manager.bus, protocol->manager.worker);
}

void online_free(struct protocol *protocol) {
  struct online_user *user = NULL, *next = NULL;
  if (!protocol->online)
    return;
  HASH_ITER (hh, protocol->online->users, user, next)
    drop_user(user);
  mem_free(protocol->online);
}
