/* SPDX-License-Identifier: MIT
 * The calls `close`, `join` and `leave`: what is done with connections.
 *
 * As with `send`, letters go to the workers, and nobody waits for them. */
#include "api/call.h"

#include "base/mem.h"
#include "wire/close.h"

#include <string.h>

static void put_count(struct buf *out, const char *name, uint32_t count) {
  buf_printf(out, "{\"%s\":%u}", name, count);
}

/* --- close -------------------------------------------------------------- */

/* To the machines that have the letter's user. */
static void send_letter(struct api_context *context,
                        const struct bus_letter *letter) {
  struct engine_parcel parcel = {.letter = letter};
  if (engine_is_shared(context->engine))
    (void)engine_send(context->engine, &parcel); /* it is told in the metrics */
}

static uint32_t close_user_everywhere(struct api_context *context,
                                      struct slice user,
                                      struct bus_letter *letter) {
  struct bus *bus = context->bus;
  uint32_t counts[BUS_WORKERS_MAX], closed = 0;
  letter->to = BUS_USER;
  letter->target = user.at;
  letter->target_len = user.len;
  send_letter(context, letter);
  whereabouts_of_user(bus->whereabouts, user.at, user.len, counts);
  for (int i = 0; i < bus->workers; i++)
    if (counts[i] > 0 && bus_post(bus, i, letter))
      closed += counts[i];
  return closed;
}

static uint32_t close_conn(struct bus *bus, uint64_t conn,
                           struct bus_letter *letter) {
  int worker = whereabouts_worker_of(bus->whereabouts, conn);
  letter->to = BUS_CONN;
  letter->conn = conn;
  return worker >= 0 && bus_post(bus, worker, letter);
}

bool api_close(struct api_context *context, const struct api_args *args,
               struct buf *out, struct problem *problem) {
  char reason[CLOSE_REASON_BYTES + 1] = "";
  struct bus_letter letter = {
      .what = BUS_CLOSE, .code = CLOSE_KICKED, .text = reason};
  if (args->has & API_HAS(CODE))
    letter.code = (int)args->number[API_ARG_CODE];
  if (!close_is_legal(letter.code))
    return problem_set(problem, ERR_BAD_REQUEST,
                       "`code` is 1000 to 1003, 1007 to 1014 or 3000 to 4999");
  if (args->has & API_HAS(REASON))
    slice_copy(args->text[API_ARG_REASON], reason, sizeof reason);
  put_count(
      out, "closed",
      args->has & API_HAS(USER)
          ? close_user_everywhere(context, args->text[API_ARG_USER], &letter)
          : close_conn(context->bus, (uint64_t)args->number[API_ARG_CONN],
                       &letter));
  return true;
}

/* --- join and leave ----------------------------------------------------- */

/* The connections of a user, copied under the lock of the whereabouts. */
struct found_conns {
  struct {
    uint64_t id;
    int worker;
  } * list;
  uint32_t count;
};

static void note_conn(void *arg, const struct whereabouts_conn *conn) {
  struct found_conns *found = arg;
  found->list =
      mem_realloc(found->list, (found->count + 1) * sizeof *found->list);
  found->list[found->count].id = conn->id;
  found->list[found->count++].worker = conn->worker;
}

static bool move_user_everywhere(struct api_context *context,
                                 const struct api_args *args,
                                 enum bus_what what, struct buf *out) {
  struct bus *bus = context->bus;
  struct slice user = args->text[API_ARG_USER];
  struct found_conns found = {0};
  char room[API_TEXT_BYTES + 1];
  uint32_t moved = 0;
  slice_copy(args->text[API_ARG_ROOM], room, sizeof room);
  send_letter(context, &(struct bus_letter){.to = BUS_USER,
                                            .what = what,
                                            .target = user.at,
                                            .target_len = user.len,
                                            .text = room});
  whereabouts_each_conn(bus->whereabouts, user.at, user.len, note_conn, &found);
  for (uint32_t i = 0; i < found.count; i++) {
    struct bus_letter letter = {
        .to = BUS_CONN, .what = what, .conn = found.list[i].id, .text = room};
    moved += bus_post(bus, found.list[i].worker, &letter);
  }
  mem_free(found.list);
  put_count(out, "connections", moved);
  return true;
}

bool api_join(struct api_context *context, const struct api_args *args,
              struct buf *out, struct problem *problem) {
  (void)problem;
  return move_user_everywhere(context, args, BUS_JOIN, out);
}

bool api_leave(struct api_context *context, const struct api_args *args,
               struct buf *out, struct problem *problem) {
  (void)problem;
  return move_user_everywhere(context, args, BUS_LEAVE, out);
}
