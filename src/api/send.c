/* SPDX-License-Identifier: MIT
 * The call `send`.
 *
 * It runs on no worker's thread. So it delivers to nobody itself: it asks the
 * whereabouts who has a receiver, and posts a letter to each of those workers.
 * A worker that a script holds reads its letters afterwards; the call does not
 * wait for it. How many receivers there are is known all the same. */
#include "api/call.h"

#include "hub/delivery.h"
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
  uint64_t seq;  /* of the last message that had a number; 0: none had */
  bool left_out; /* a worker with receivers is too far behind */
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

static void post_to_workers(struct bus *bus, const struct api_target *target,
                            struct frame *frame, const char *except,
                            struct api_sent *sent) {
  uint32_t counts[BUS_WORKERS_MAX], reached = 0;
  struct bus_letter letter = {.to = target->to,
                              .what = BUS_SEND,
                              .frame = frame,
                              .target = target->name.at,
                              .target_len = target->name.len,
                              .text = except};
  uint32_t excepted = count_excepted(bus->whereabouts, target,
                                     (struct slice){except, strlen(except)});
  if (count_receivers(bus->whereabouts, target, counts) == 0)
    return;
  for (int i = 0; i < bus->workers; i++) {
    if (counts[i] == 0)
      continue;
    if (bus_post(bus, i, &letter))
      reached += counts[i];
    else
      sent->left_out = true;
  }
  sent->receivers += reached > excepted ? reached - excepted : 0;
}

/* To those who are there, without a number. */
static void send_plain(struct api_context *context, const struct api_args *args,
                       const struct api_target *target, const struct buf *text,
                       struct api_sent *sent) {
  char except[API_TEXT_BYTES + 1] = "";
  struct slice id = args->text[API_ARG_ID];
  if (target->to == BUS_ROOM && args->has & API_HAS(ID) &&
      !engine_once(context->engine, target->name.at, target->name.len, id.at,
                   id.len, &sent->seq))
    return;
  struct frame *frame = frame_new(FRAME_TEXT, text->data, text->len);
  if (args->has & API_HAS(EXCEPT_USER))
    slice_copy(args->text[API_ARG_EXCEPT_USER], except, sizeof except);
  post_to_workers(context->bus, target, frame, except, sent);
  frame_unref(frame);
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
    sent->left_out = true;
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
  if (belongs_to_history(args, rule))
    send_numbered(context, args, &room, rule, text, number_at, sent);
  else
    send_plain(context, args, &room, text, sent);
  rules_unref(rules);
}

/* False if no connection could ever take so much. */
static bool send_to_target(struct api_context *context,
                           const struct api_args *args,
                           const struct api_target *target,
                           struct api_sent *sent, struct problem *problem) {
  struct buf text = {0};
  size_t number_at = write_api_message(&text, args, target);
  size_t limit = context->config->limits_queue_bytes;
  size_t len = text.len + ENGINE_NUMBER_BYTES + FRAME_HEADER_BYTES;
  if (len <= limit && target->to == BUS_ROOM)
    send_to_room_named(context, args, target, &text, number_at, sent);
  else if (len <= limit)
    send_plain(context, args, target, &text, sent);
  buf_free(&text);
  return len <= limit || problem_set(problem, ERR_TOO_LARGE,
                                     "the message has %zu bytes, "
                                     "limits.queue_bytes is %zu",
                                     len, limit);
}

/* To each of a list, `arg`, of users or rooms. The first one that is too large
 * is as large as all others, but for the name of its room. */
static bool send_to_list(struct api_context *context,
                         const struct api_args *args, enum api_arg arg,
                         struct api_sent *sent, struct problem *problem) {
  struct api_target target = {.to = arg == API_ARG_USERS ? BUS_USER : BUS_ROOM};
  struct slice list = args->text[arg];
  char name[API_TEXT_BYTES + 1];
  size_t len;
  while (api_args_next(&list, name, &len)) {
    target.name = (struct slice){name, len};
    if (!send_to_target(context, args, &target, sent, problem))
      return false;
  }
  return true;
}

static bool send_to_all_targets(struct api_context *context,
                                const struct api_args *args,
                                struct api_sent *sent,
                                struct problem *problem) {
  struct api_target target = {.to = BUS_ALL, .name = {"", 0}};
  if (args->has & API_HAS(USERS))
    return send_to_list(context, args, API_ARG_USERS, sent, problem);
  if (args->has & API_HAS(ROOMS))
    return send_to_list(context, args, API_ARG_ROOMS, sent, problem);
  if (args->has & API_HAS(USER))
    target = (struct api_target){BUS_USER, args->text[API_ARG_USER]};
  else if (args->has & API_HAS(ROOM))
    target = (struct api_target){BUS_ROOM, args->text[API_ARG_ROOM]};
  return send_to_target(context, args, &target, sent, problem);
}

bool api_send(struct api_context *context, const struct api_args *args,
              struct buf *out, struct problem *problem) {
  struct api_sent sent = {0};
  if (!send_to_all_targets(context, args, &sent, problem))
    return false;
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
