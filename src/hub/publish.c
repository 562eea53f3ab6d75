/* SPDX-License-Identifier: MIT
 * Who must hear of a message. */
#include "hub/publish.h"

#include "base/log.h"
#include "base/mem.h"
#include "hub/declared.h"
#include "hub/late.h"
#include "hub/numbered.h"
#include "trace/sent.h"

#include <string.h>
#include <time.h>

/* --- to other workers --------------------------------------------------- */

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

/* Letters to one connection know its worker. */
static void send_to_others(const struct manager *manager,
                           const struct bus_letter *letter) {
  struct engine_parcel parcel = {.letter = letter};
  if (manager->others && letter->to != BUS_CONN)
    (void)engine_send(manager->others, &parcel); /* it is told in the metrics */
}

uint32_t publish_letter(struct manager *manager,
                        const struct bus_letter *letter) {
  uint32_t counts[BUS_WORKERS_MAX], sum = 0;
  struct bus *bus = manager->bus;
  send_to_others(manager, letter);
  if (!bus || bus->workers == 1)
    return 0;
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
  if (!manager->bus || (manager->bus->workers == 1 && !manager->others))
    return 0;
  struct bus_letter letter = {.to = to,
                              .what = BUS_SEND,
                              .frame = frame,
                              .except = opts.except,
                              .drop = opts.drop,
                              .target = target,
                              .target_len = len};
  return publish_letter(manager, &letter);
}

/* --- from other workers ------------------------------------------------- */

void publish_receive(struct manager *manager, const struct bus_letter *letter) {
  struct delivery_opts opts = {
      .except = letter->except, .drop = letter->drop, .own = letter->own};
  const char *target = letter->target;
  size_t len = letter->target_len;
  const char *reason = *letter->text ? letter->text : NULL;
  struct conn *conn;
  bool close = letter->what == BUS_CLOSE;
  if (letter->what == BUS_SEND)
    opts.except_user = reason;
  switch (letter->to) {
  case BUS_USER:
    if (close)
      delivery_close_user(manager, target, len, letter->code, reason,
                          letter->except);
    else
      delivery_to_user(manager, target, len, letter->frame, opts);
    break;
  case BUS_ROOM:
    delivery_to_room(manager, target, len, letter->frame, opts);
    break;
  case BUS_ALL:
    delivery_to_all(manager, letter->frame, opts);
    break;
  case BUS_CONN:
    conn = manager_conn(manager, letter->conn);
    if (conn && close)
      conn_close(conn, letter->code, reason);
    else if (conn)
      delivery_to_conn(conn, letter->frame, &opts);
    break;
  }
}

/* --- to everybody ------------------------------------------------------- */

uint32_t publish_to_user(struct manager *manager, const char *id, size_t len,
                         struct frame *frame, struct delivery_opts opts) {
  struct delivery_opts here = opts;
  here.in_turn = true;
  uint32_t sent = delivery_to_user(manager, id, len, frame, here) +
                  post_frame(manager, BUS_USER, id, len, frame, opts);
  if (trace_is_told())
    sent_tell_frame((struct sent_note){.to = "user",
                                       .target = {id, len},
                                       .receivers = sent},
                    frame);
  return sent;
}

/* --- to rooms that may be numbered --------------------------------------- */

static uint32_t members_elsewhere(const struct manager *manager,
                                  const struct publish_message *message) {
  uint32_t counts[BUS_WORKERS_MAX];
  if (!manager->bus || manager->bus->workers == 1)
    return 0;
  uint32_t all = whereabouts_of_room(manager->bus->whereabouts, message->room,
                                     message->room_len, counts);
  return all - counts[manager->worker];
}

/* `room` is NULL if nobody is in it here. */
static struct publish_result
publish_numbered(struct manager *manager, struct room *room,
                 const struct rule *rule, const struct publish_message *message,
                 struct delivery_opts opts) {
  struct engine_publication publication = {.room = message->room,
                                           .room_len = message->room_len,
                                           .rule = rule,
                                           .text = message->text,
                                           .len = message->len,
                                           .number_at = message->number_at,
                                           .key = message->key,
                                           .key_len = message->key_len,
                                           .id = message->id,
                                           .id_len = message->id_len,
                                           .except = opts.except,
                                           .drop = opts.drop,
                                           .worker = manager->worker,
                                           .done = message->done,
                                           .arg = message->arg,
                                           .is_in = room && !manager->underway};
  struct engine_result result;
  if (room)
    publication.delivered = room->at;
  engine_publish(manager->engine, &publication, &result);
  struct publish_result told = {
      .seq = result.at.seq, .err = result.err, .wait = result.wait};
  if (result.err || result.repeated)
    return told;
  if (room && !result.pending)
    room->sent = result.at;
  if (result.left_out >= 0)
    say_left_out(manager, result.left_out);
  told.receivers = members_elsewhere(manager, message);
  if (result.frame) {
    told.receivers +=
        numbered_deliver(manager, room, result.frame, result.at, opts);
    frame_unref(result.frame);
  } else if (room) {
    told.receivers += room->count; /* a letter comes */
    if (!result.pending)
      late_note(manager);
  }
  return told;
}

/* To the members here; by a letter, if something is on its way already. */
static uint32_t deliver_plain(struct manager *manager, struct room *room,
                              struct frame *frame, struct delivery_opts opts) {
  struct bus_letter letter = {.to = BUS_ROOM,
                              .what = BUS_SEND,
                              .frame = frame,
                              .except = opts.except,
                              .drop = opts.drop,
                              .target = room->name,
                              .target_len = room->hh.keylen};
  return late_post(manager, &letter) ? room->count
                                     : delivery_to_members(room, frame, opts);
}

/* Messages with numbers, and ids, are a matter of all machines: what keeps its
 * place among them comes back from there. */
static struct publish_result publish_echo(struct manager *manager,
                                          struct room *room,
                                          const struct publish_message *message,
                                          struct delivery_opts opts) {
  struct frame *frame = frame_new(FRAME_TEXT, message->text, message->len);
  struct bus_letter letter = {.to = BUS_ROOM,
                              .what = BUS_SEND,
                              .frame = frame,
                              .except = opts.except,
                              .drop = opts.drop,
                              .target = message->room,
                              .target_len = message->room_len};
  struct engine_parcel parcel = {.letter = &letter,
                                 .echo = true,
                                 .id = message->id,
                                 .id_len = message->id_len};
  struct publish_result result = {.err = engine_send(manager->others, &parcel)};
  frame_unref(frame);
  if (!message->id)
    result.err = 0; /* those who are here get it */
  if (!result.err)
    result.receivers =
        members_elsewhere(manager, message) + (room ? room->count : 0);
  return result;
}

static struct publish_result
publish_plain(struct manager *manager, struct room *room,
              const struct publish_message *message,
              struct delivery_opts opts) {
  struct publish_result result = {0};
  if (message->id &&
      !engine_once(manager->engine, message->room, message->room_len,
                   message->id, message->id_len, &result.seq))
    return result;
  struct frame *frame = frame_new(FRAME_TEXT, message->text, message->len);
  if (room)
    result.receivers = deliver_plain(manager, room, frame, opts);
  result.receivers += post_frame(manager, BUS_ROOM, message->room,
                                 message->room_len, frame, opts);
  frame_unref(frame);
  return result;
}

static struct publish_result
publish_untraced(struct manager *manager, const struct publish_message *message,
                 struct delivery_opts opts) {
  struct room *room = manager_room(manager, message->room, message->room_len);
  const struct rule *rule =
      room ? room->rule
           : rules_find(manager->rules, message->room, message->room_len);
  if (room && room->count == 0)
    room = NULL;
  if ((rule || message->id) &&
      !manager_room_name_ok(message->room, message->room_len))
    return (struct publish_result){0}; /* nobody can be in there */
  bool numbered = rule && rule->numbered;
  if (numbered && !message->fleeting)
    return publish_numbered(manager, room, rule, message, opts);
  if (manager->others && (numbered || message->id))
    return publish_echo(manager, room, message, opts);
  return publish_plain(manager, room, message, opts);
}

struct publish_result publish_message(struct manager *manager,
                                      const struct publish_message *message,
                                      struct delivery_opts opts) {
  struct publish_result result = publish_untraced(manager, message, opts);
  if (trace_is_told())
    sent_tell(&(struct sent_note){.to = "room",
                                  .target = {message->room, message->room_len},
                                  .text = {message->text, message->len},
                                  .receivers = result.receivers,
                                  .seq = result.seq});
  return result;
}

static uint32_t send_to_all(struct manager *manager, struct frame *frame,
                            struct delivery_opts opts) {
  uint32_t counts[BUS_WORKERS_MAX];
  struct bus_letter letter = {.to = BUS_ALL,
                              .what = BUS_SEND,
                              .frame = frame,
                              .except = opts.except,
                              .drop = opts.drop};
  uint32_t elsewhere = post_frame(manager, BUS_ALL, NULL, 0, frame, opts);
  if (!late_post(manager, &letter))
    return elsewhere + delivery_to_all(manager, frame, opts);
  whereabouts_of_all(manager->bus->whereabouts, counts);
  return elsewhere + counts[manager->worker];
}

uint32_t publish_to_all(struct manager *manager, struct frame *frame,
                        struct delivery_opts opts) {
  uint32_t sent = send_to_all(manager, frame, opts);
  if (trace_is_told())
    sent_tell_frame((struct sent_note){.to = "all", .receivers = sent}, frame);
  return sent;
}

uint32_t publish_close_user(struct manager *manager, const char *id, size_t len,
                            int code, const char *reason) {
  struct bus_letter letter = {.to = BUS_USER,
                              .what = BUS_CLOSE,
                              .target = id,
                              .target_len = len,
                              .code = code,
                              .text = reason};
  /* The others first: `id` may be that of a connection that closes here. */
  uint32_t elsewhere = publish_letter(manager, &letter);
  return elsewhere + delivery_close_user(manager, id, len, code, reason, 0);
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

static void close_older_everywhere(struct manager *manager,
                                   const struct conn *conn, int code) {
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

void publish_close_older(struct manager *manager, const struct conn *conn,
                         int code) {
  const char *user = conn->user->id;
  struct bus_letter letter = {.to = BUS_USER,
                              .what = BUS_CLOSE,
                              .except = conn->id,
                              .code = code,
                              .target = user,
                              .target_len = strlen(user)};
  send_to_others(manager, &letter);
  if (manager->bus)
    close_older_everywhere(manager, conn, code);
  else
    delivery_close_user(manager, user, strlen(user), code, NULL, conn->id);
}
