/* SPDX-License-Identifier: MIT
 * Frames that are followed. */
#include "trace/flight.h"

#include "base/hash.h"
#include "base/list.h"
#include "base/mem.h"
#include "trace/far.h"
#include "trace/otlp.h"
#include "trace/sent.h"
#include "trace/span.h"
#include "wire/json.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

enum { ROOM_FOR_TYPE = 128 }; /* of messages */

struct flight {
  struct list node;
  uint32_t places;  /* of traces */
  uint32_t left;    /* frames to be written until it is; 0: it is */
  uint64_t counted; /* in the session, or 0 */
  uint64_t queued_ns;
  struct buf about;      /* members of its lines */
  struct cause *cause;   /* what it is an effect of, for a collector, as are: */
  struct buf attributes; /* its type, as it stands in JSON, and attributes */
  size_t type_len;
};

/* Those of a connection, in their order. */
struct flight_list {
  uint64_t conn;
  struct list flights;
  UT_hash_handle hh;
};

static struct flight_list *find_flights(struct tracer *tracer, uint64_t conn) {
  struct flight_list *list = NULL;
  HASH_FIND(hh, tracer->flights, &conn, sizeof conn, list);
  return list;
}

static struct flight_list *need_flights(struct tracer *tracer, uint64_t conn) {
  struct flight_list *list = find_flights(tracer, conn);
  if (list)
    return list;
  list = mem_alloc(sizeof *list);
  list->conn = conn;
  list_init(&list->flights);
  HASH_ADD(hh, tracer->flights, conn, sizeof list->conn, list);
  return list;
}

static void free_flight(struct tracer *tracer, struct flight *flight) {
  list_remove(&flight->node);
  buf_free(&flight->about);
  buf_free(&flight->attributes);
  cause_unref(flight->cause);
  mem_free(flight);
  tracer->flight_count--;
}

/* Whether there are any left. */
static bool keep_flights(struct tracer *tracer, struct flight_list *list) {
  if (!list_empty(&list->flights))
    return true;
  HASH_DEL(tracer->flights, list);
  mem_free(list);
  return false;
}

static void drop_flights(struct tracer *tracer, struct flight_list *list) {
  LIST_FOREACH_SAFE (it, &list->flights)
    free_flight(tracer, container_of(it, struct flight, node));
  (void)keep_flights(tracer, list);
}

void flight_forget_all(struct tracer *tracer) {
  struct flight_list *list = NULL, *next = NULL;
  HASH_ITER (hh, tracer->flights, list, next)
    drop_flights(tracer, list);
}

void flight_forget(uint64_t conn) {
  struct tracer *tracer = tracer_here();
  struct flight_list *list = tracer ? find_flights(tracer, conn) : NULL;
  if (list)
    drop_flights(tracer, list);
}

/* --- the begin ---------------------------------------------------------- */

static struct flight *new_flight(struct tracer *tracer,
                                 const struct flight_conn *conn,
                                 const struct frame *frame,
                                 const struct sent_message *message) {
  struct flight *flight = mem_alloc(sizeof *flight);
  struct buf *out = &flight->about;
  flight->left = conn->waiting;
  flight->counted = conn->counted;
  flight->queued_ns = uv_hrtime();
  if (frame->cause)
    span_put(out, frame->cause->span);
  buf_printf(out, ",\"conn\":%llu", (unsigned long long)conn->id);
  tracer_text(out, "user", conn->user);
  sent_put(out, message);
  buf_printf(out, ",\"bytes\":%u", frame->len);
  if (conn->counted)
    buf_printf(out, ",\"n\":%llu", (unsigned long long)conn->counted);
  list_push(&need_flights(tracer, conn->id)->flights, &flight->node);
  tracer->flight_count++;
  return flight;
}

/* A message to very many would fill the collector with what is all alike. */
static bool may_export(struct tracer *tracer, struct cause *cause) {
  if (cause->told++ < OTLP_DELIVERIES)
    return true;
  otlp_leave_out(tracer->otlp);
  return false;
}

static void keep_for_export(struct flight *flight,
                            const struct flight_conn *conn,
                            const struct frame *frame,
                            const struct sent_message *message) {
  struct buf *out = &flight->attributes;
  flight->cause = cause_ref(frame->cause);
  flight->type_len = message->type.len;
  buf_put(out, message->type.at, message->type.len);
  otlp_put_string(out, "user.id", conn->user);
  otlp_put_int(out, "perigee.conn", conn->id);
  otlp_put_quoted(out, "perigee.room", message->room);
  otlp_put_int(out, "perigee.bytes", frame->len);
  otlp_put_int(out, "perigee.worker", (uint64_t)tracer_here()->worker);
  if (conn->counted)
    otlp_put_int(out, "perigee.n", conn->counted);
}

bool flight_begin(const struct flight_conn *conn, const struct frame *frame) {
  struct tracer *tracer = tracer_here();
  struct sent_message message;
  struct slice user = {conn->user ? conn->user : "",
                       conn->user ? strlen(conn->user) : 0};
  if (!tracer)
    return false;
  sent_read(&message, frame);
  uint32_t places = tracer_match(TRACE_USER, user) | sent_match(&message);
  places |= cause_traces(frame->cause) & (tracer->places | TRACE_EXPORTED);
  places |= far_match(frame->cause);
  if (!tracer->otlp)
    places &= ~TRACE_EXPORTED;
  if (places & TRACE_EXPORTED && !may_export(tracer, frame->cause))
    places &= ~TRACE_EXPORTED;
  if (!places)
    return false;
  if (tracer->flight_count >= FLIGHTS_MAX) {
    board_drop(tracer->board, places);
    if (places & TRACE_EXPORTED)
      otlp_leave_out(tracer->otlp);
    return false;
  }
  struct flight *flight = new_flight(tracer, conn, frame, &message);
  flight->places = places;
  if (places & TRACE_EXPORTED)
    keep_for_export(flight, conn, frame, &message);
  return true;
}

void flight_again(uint64_t conn, uint64_t counted, uint32_t waiting) {
  struct tracer *tracer = tracer_here();
  struct flight_list *list = tracer ? find_flights(tracer, conn) : NULL;
  if (list)
    LIST_FOREACH (it, &list->flights) {
      struct flight *flight = container_of(it, struct flight, node);
      if (flight->counted == counted)
        flight->left = waiting;
    }
}

/* --- what becomes of them ----------------------------------------------- */

/* Each is a span, part of that which it was sent by. */
static void export_flight(const struct flight *flight, const char *event) {
  struct tracer *tracer = tracer_here();
  const struct buf *kept = &flight->attributes;
  char parent[TRACEPARENT_SPAN + 1], type[ROOM_FOR_TYPE];
  snprintf(parent, sizeof parent, "%016llx",
           (unsigned long long)flight->cause->span);
  size_t len = json_unescape(kept->data, flight->type_len, type, sizeof type);
  struct otlp_span span = {
      .trace = flight->cause->trace,
      .number = span_new_number(),
      .parent = parent,
      .kind = OTLP_PRODUCER,
      .word = event,
      .type = {type, len < sizeof type ? len : 0},
      .begin_ns = flight->queued_ns,
      .end_ns = uv_hrtime(),
      .attributes = {kept->data + flight->type_len,
                     kept->len - flight->type_len},
      .error = strcmp(event, "lost") == 0 ? "it was not written" : NULL};
  buf_reset(&tracer->line, 0);
  otlp_put_span(&tracer->line, &span);
  otlp_add(tracer->otlp, &tracer->line);
}

static void tell_flight(const struct flight *flight, const char *event) {
  if (flight->places & TRACE_EXPORTED)
    export_flight(flight, event);
  if (!(flight->places & ~TRACE_EXPORTED))
    return;
  struct buf *out = tracer_begin(event);
  buf_put(out, flight->about.data, flight->about.len);
  buf_printf(out, ",\"ms\":%.3f",
             (double)(uv_hrtime() - flight->queued_ns) / 1e6);
  tracer_end(flight->places);
}

bool flight_written(uint64_t conn, uint32_t count) {
  struct tracer *tracer = tracer_here();
  struct flight_list *list = tracer ? find_flights(tracer, conn) : NULL;
  if (!list)
    return false;
  LIST_FOREACH_SAFE (it, &list->flights) {
    struct flight *flight = container_of(it, struct flight, node);
    if (flight->left == 0)
      continue;
    bool written = flight->left <= count;
    flight->left -= written ? flight->left : count;
    if (!written)
      continue;
    tell_flight(flight, "delivery");
    if (!flight->counted)
      free_flight(tracer, flight);
  }
  return keep_flights(tracer, list);
}

bool flight_lost(uint64_t conn, uint32_t count) {
  struct tracer *tracer = tracer_here();
  struct flight_list *list = tracer ? find_flights(tracer, conn) : NULL;
  if (!list)
    return false;
  LIST_FOREACH_SAFE (it, &list->flights) {
    struct flight *flight = container_of(it, struct flight, node);
    if (flight->left <= count)
      continue;
    tell_flight(flight, "lost");
    flight->left = 0; /* its session may bring it all the same */
    if (!flight->counted)
      free_flight(tracer, flight);
  }
  return keep_flights(tracer, list);
}

bool flight_acked(uint64_t conn, uint64_t counted) {
  struct tracer *tracer = tracer_here();
  struct flight_list *list = tracer ? find_flights(tracer, conn) : NULL;
  if (!list)
    return false;
  LIST_FOREACH_SAFE (it, &list->flights) {
    struct flight *flight = container_of(it, struct flight, node);
    if (flight->counted == 0 || flight->counted > counted)
      continue;
    tell_flight(flight, "acked");
    free_flight(tracer, flight);
  }
  return keep_flights(tracer, list);
}
