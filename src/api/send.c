/* SPDX-License-Identifier: MIT
 * The call `send`.
 *
 * It runs on no worker's thread. So it delivers to nobody itself: it asks the
 * whereabouts who has a receiver, and posts a letter to each of those workers.
 * A worker that a script holds reads its letters afterwards; the call does not
 * wait for it. How many receivers there are is known all the same. */
#include "api/call.h"

#include "hub/delivery.h"
#include "trace/sent.h"
#include "wire/json.h"

#include <string.h>

/* One kind of receiver: a user, a room, everybody. */
struct api_target {
  enum bus_to to;
  struct slice name; /* empty: everybody */
};

/* What has come of it so far. */
struct api_sent {
  uint64_t receivers;
  uint64_t seq;     /* of the last message that had a number; 0: none had */
  bool left_out;    /* a worker with receivers is too far behind */
  bool unavailable; /* what all machines have to know, they cannot */
};

/* Writes the message as scripts do (script/message). Returns where a number
 * would stand: behind the name of the room. */
static size_t write_api_message(struct buf *out, const struct api_args *args,
                                const struct api_target *target) {
  buf_puts(out, "{\"type\":\"");
  buf_put(out, args->type.at, args->type.len);
  buf_putc(out, '"');
  if (target->to == BUS_ROOM) {
    buf_puts(out, ",\"room\":");
    json_put_string(out, target->name.at, target->name.len);
  }
  size_t number_at = out->len;
  if (args->data.len > 0) {
    buf_puts(out, ",\"data\":");
    buf_put(out, args->data.at, args->data.len);
  }
  buf_putc(out, '}');
  return number_at;
}

static uint32_t count_receivers(struct whereabouts *whereabouts,
                                const struct api_target *target,
                                uint32_t *counts) {
  struct slice name = target->name;
  if (target->to == BUS_USER)
    return whereabouts_of_user(whereabouts, name.at, name.len, counts);
  if (target->to == BUS_ROOM)
    return whereabouts_of_room(whereabouts, name.at, name.len, counts);
  return whereabouts_of_all(whereabouts, counts);
}

/* How many of them are those of the user who is left out. */
static uint32_t count_excepted(struct whereabouts *whereabouts,
                               const struct api_target *target,
                               struct slice user) {
  uint32_t counts[BUS_WORKERS_MAX];
  bool other = target->to == BUS_USER &&
               (user.len != target->name.len ||
                memcmp(user.at, target->name.at, user.len) != 0);
  if (user.len == 0 || other)
    return 0;
  if (target->to == BUS_ROOM)
    return whereabouts_count_seats(whereabouts, target->name.at,
                                   target->name.len, user.at, user.len);
  return whereabouts_of_user(whereabouts, user.at, user.len, counts);
}

/* Takes the workers that are too far behind out of the counts. Returns how many
 * receivers are left. */
static uint32_t leave_out_behind(const struct bus *bus, size_t len,
                                 uint32_t *counts, bool *left_out) {
  uint32_t left = 0;
  for (int i = 0; i < bus->workers; i++) {
    bool behind = counts[i] > 0 && !bus_has_room(bus, i, len);
    *left_out |= behind;
    counts[i] = behind ? 0 : counts[i];
    left += counts[i];
  }
  return left;
}

/* To those workers. They had room a moment ago, so now they must take it. */
static void post_to_workers(struct bus *bus, const struct api_target *target,
                            struct frame *frame, const char *except,
                            const uint32_t *counts) {
  struct bus_letter letter = {.to = target->to,
                              .what = BUS_SEND,
                              .frame = frame,
                              .must = true,
                              .target = target->name.at,
                              .target_len = target->name.len,
                              .text = except};
  for (int i = 0; i < bus->workers; i++)
    if (counts[i] > 0)
      (void)bus_post(bus, i, &letter); /* or it has just ended */
}

/* Whether it keeps its place among messages with numbers, or has an id, of
 * which all machines know. */
static bool is_shared_order(struct api_context *context,
                            const struct api_args *args,
                            const struct api_target *target) {
  if (target->to != BUS_ROOM)
    return false;
  struct rules *rules = engine_hold_rules(context->engine);
  const struct rule *rule =
      rules_find(rules, target->name.at, target->name.len);
  bool shared = args->has & API_HAS(ID) || (rule && rule->numbered);
  rules_unref(rules);
  return shared;
}

/* To other machines. Returns whether those who are here get it from there. */
static bool send_elsewhere(struct api_context *context,
                           const struct api_args *args,
                           const struct api_target *target, struct frame *frame,
                           const char *except, struct api_sent *sent) {
  struct slice id = args->text[API_ARG_ID];
  struct bus_letter letter = {.to = target->to,
                              .what = BUS_SEND,
                              .frame = frame,
                              .target = target->name.at,
                              .target_len = target->name.len,
                              .text = except};
  struct engine_parcel parcel = {.letter = &letter};
  if (!engine_is_shared(context->engine))
    return false;
  parcel.echo = is_shared_order(context, args, target);
  if (parcel.echo && args->has & API_HAS(ID)) {
    parcel.id = id.at;
    parcel.id_len = id.len;
  }
  if (engine_send(context->engine, &parcel) && parcel.id)
    sent->unavailable = true;
  return parcel.echo;
}

/* Whether the message has no id, or one that is new there. */
static bool is_new_message(struct api_context *context,
                           const struct api_args *args,
                           const struct api_target *target, uint64_t *seq) {
  struct slice id = args->text[API_ARG_ID];
  return target->to != BUS_ROOM || !(args->has & API_HAS(ID)) ||
         engine_once(context->engine, target->name.at, target->name.len, id.at,
                     id.len, seq);
}

/* To those who are there, without a number. If nobody can be reached, the id is
 * not known afterwards: the call is made again. */
static void send_plain(struct api_context *context, const struct api_args *args,
                       const struct api_target *target, struct frame *frame,
                       struct api_sent *sent) {
  uint32_t counts[BUS_WORKERS_MAX];
  char except[API_TEXT_BYTES + 1] = "";
  bool left_out = false;
  struct whereabouts *whereabouts = context->bus->whereabouts;
  uint32_t receivers = count_receivers(whereabouts, target, counts);
  if (args->has & API_HAS(EXCEPT_USER))
    slice_copy(args->text[API_ARG_EXCEPT_USER], except, sizeof except);
  if (send_elsewhere(context, args, target, frame, except, sent)) {
    sent->receivers += sent->unavailable ? 0 : receivers;
    return;
  }
  if (receivers > 0)
    receivers = leave_out_behind(context->bus, frame->len, counts, &left_out);
  sent->left_out |= left_out;
  if ((left_out && receivers == 0) ||
      !is_new_message(context, args, target, &sent->seq) || receivers == 0)
    return;
  uint32_t excepted = count_excepted(whereabouts, target,
                                     (struct slice){except, strlen(except)});
  post_to_workers(context->bus, target, frame, except, counts);
  sent->receivers += receivers > excepted ? receivers - excepted : 0;
}

/* To a room that numbers its messages. */
static void send_numbered(struct api_context *context,
                          const struct api_args *args,
                          const struct api_target *target,
                          const struct rule *rule, const struct buf *text,
                          size_t number_at, struct api_sent *sent) {
  uint32_t counts[BUS_WORKERS_MAX];
  struct slice key = args->text[API_ARG_KEY], id = args->text[API_ARG_ID];
  struct engine_publication publication = {
      .room = target->name.at,
      .room_len = target->name.len,
      .rule = rule,
      .text = text->data,
      .len = text->len,
      .number_at = number_at,
      .key = args->has & API_HAS(KEY) ? key.at : NULL,
      .key_len = args->has & API_HAS(KEY) ? key.len : 0,
      .id = args->has & API_HAS(ID) ? id.at : NULL,
      .id_len = args->has & API_HAS(ID) ? id.len : 0,
      .worker = -1};
  struct engine_result result;
  engine_publish(context->engine, &publication, &result);
  if (result.err) {
    sent->unavailable = true;
    return;
  }
  sent->seq = result.at.seq;
  if (!result.repeated)
    sent->receivers += whereabouts_of_room(
        context->bus->whereabouts, target->name.at, target->name.len, counts);
}

/* A message that leaves somebody out is no history. */
static bool belongs_to_history(const struct api_args *args,
                               const struct rule *rule) {
  bool keep = !(args->has & API_HAS(KEEP)) || args->number[API_ARG_KEEP];
  return rule && rule->numbered && keep && !(args->has & API_HAS(EXCEPT_USER));
}

/* The engine wants a zero behind the name of the room. */
static void send_to_room_named(struct api_context *context,
                               const struct api_args *args,
                               const struct api_target *target,
                               const struct buf *text, size_t number_at,
                               struct api_sent *sent) {
  char name[API_TEXT_BYTES + 1];
  struct api_target room = {BUS_ROOM, {name, target->name.len}};
  struct rules *rules = engine_hold_rules(context->engine);
  slice_copy(target->name, name, sizeof name);
  const struct rule *rule = rules_find(rules, name, target->name.len);
  if (belongs_to_history(args, rule)) {
    send_numbered(context, args, &room, rule, text, number_at, sent);
  } else {
    struct frame *frame = frame_new(FRAME_TEXT, text->data, text->len);
    send_plain(context, args, &room, frame, sent);
    frame_unref(frame);
  }
  rules_unref(rules);
}

/* False if no connection could ever take so much. */
static bool fits_queue(const struct api_context *context,
                       const struct buf *text, struct problem *problem) {
  size_t limit = context->config->limits_queue_bytes;
  size_t len = text->len + ENGINE_NUMBER_BYTES + FRAME_HEADER_BYTES;
  return len <= limit || problem_set(problem, ERR_TOO_LARGE,
                                     "the message has %zu bytes, "
                                     "limits.queue_bytes is %zu",
                                     len, limit);
}

static bool send_to_room(struct api_context *context,
                         const struct api_args *args, struct slice name,
                         struct api_sent *sent, struct problem *problem) {
  struct buf text = {0};
  struct api_target target = {BUS_ROOM, name};
  size_t number_at = write_api_message(&text, args, &target);
  bool fits = fits_queue(context, &text, problem);
  uint64_t before = sent->receivers;
  if (fits)
    send_to_room_named(context, args, &target, &text, number_at, sent);
  if (fits && trace_is_on())
    sent_tell(
        &(struct sent_note){.to = "room",
                            .target = name,
                            .text = {text.data, text.len},
                            .receivers = (uint32_t)(sent->receivers - before),
                            .seq = sent->seq});
  buf_free(&text);
  return fits;
}

/* The first one that is too large is as large as all others, but for the name
 * of its room. */
static bool send_to_rooms(struct api_context *context,
                          const struct api_args *args, struct api_sent *sent,
                          struct problem *problem) {
  struct slice list = args->text[API_ARG_ROOMS];
  char name[API_TEXT_BYTES + 1];
  size_t len;
  while (api_args_next(&list, name, &len))
    if (!send_to_room(context, args, (struct slice){name, len}, sent, problem))
      return false;
  return true;
}

/* To a user, a list of them, or everybody: the message is the same for all. */
static void send_to_those(struct api_context *context,
                          const struct api_args *args,
                          const struct api_target *target, struct frame *frame,
                          struct api_sent *sent) {
  uint64_t before = sent->receivers;
  send_plain(context, args, target, frame, sent);
  if (trace_is_on())
    sent_tell_frame(
        (struct sent_note){.to = target->to == BUS_ALL ? "all" : "user",
                           .target = target->name,
                           .receivers = (uint32_t)(sent->receivers - before)},
        frame);
}

static void send_to_users(struct api_context *context,
                          const struct api_args *args, struct frame *frame,
                          struct api_sent *sent) {
  struct api_target target = {.to = BUS_ALL, .name = {"", 0}};
  struct slice list = args->text[API_ARG_USERS];
  char name[API_TEXT_BYTES + 1];
  if (args->has & API_HAS(USERS)) {
    target = (struct api_target){BUS_USER, {name, 0}};
    while (api_args_next(&list, name, &target.name.len))
      send_to_those(context, args, &target, frame, sent);
    return;
  }
  if (args->has & API_HAS(USER))
    target = (struct api_target){BUS_USER, args->text[API_ARG_USER]};
  send_to_those(context, args, &target, frame, sent);
}

static bool frame_to_users(struct api_context *context,
                           const struct api_args *args, struct api_sent *sent,
                           struct problem *problem) {
  static const struct api_target nowhere = {.to = BUS_USER, .name = {"", 0}};
  struct buf text = {0};
  (void)write_api_message(&text, args, &nowhere);
  bool fits = fits_queue(context, &text, problem);
  if (fits) {
    struct frame *frame = frame_new(FRAME_TEXT, text.data, text.len);
    send_to_users(context, args, frame, sent);
    frame_unref(frame);
  }
  buf_free(&text);
  return fits;
}

static bool send_to_all_targets(struct api_context *context,
                                const struct api_args *args,
                                struct api_sent *sent,
                                struct problem *problem) {
  if (args->has & API_HAS(ROOMS))
    return send_to_rooms(context, args, sent, problem);
  if (args->has & API_HAS(ROOM))
    return send_to_room(context, args, args->text[API_ARG_ROOM], sent, problem);
  return frame_to_users(context, args, sent, problem);
}

bool api_send(struct api_context *context, const struct api_args *args,
              struct buf *out, struct problem *problem) {
  struct api_sent sent = {0};
  if (!send_to_all_targets(context, args, &sent, problem))
    return false;
  if (sent.unavailable && sent.receivers == 0) {
    problem_set(problem, ERR_UNAVAILABLE,
                "Redis, where the machines meet, is not there");
    problem->retry_s = 1;
    return false;
  }
  if (sent.left_out && sent.receivers == 0) {
    problem_set(problem, ERR_OVERLOADED,
                "the workers of all receivers are too far behind");
    problem->retry_s = 1;
    return false;
  }
  buf_printf(out, "{\"receivers\":%llu", (unsigned long long)sent.receivers);
  if (sent.seq > 0 && args->has & API_HAS(ROOM))
    buf_printf(out, ",\"seq\":%llu", (unsigned long long)sent.seq);
  buf_putc(out, '}');
  return true;
}
