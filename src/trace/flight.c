/* SPDX-License-Identifier: MIT
 * Frames that are followed. */
#include "trace/flight.h"

#include "base/hash.h"
#include "base/list.h"
#include "base/mem.h"
#include "trace/sent.h"
#include "trace/span.h"
#include "wire/json.h"

#include <uv.h>

struct flight {
  struct list node;
  uint32_t places;  /* of traces */
  uint32_t left;    /* frames to be written until it is; 0: it is */
  uint64_t counted; /* in the session, or 0 */
  uint64_t queued_ns;
  struct buf about; /* members of its lines */
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
  span_put(out, frame->cause.span);
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

bool flight_begin(const struct flight_conn *conn, const struct frame *frame) {
  struct tracer *tracer = tracer_here();
  struct sent_message message;
  struct slice user = {conn->user ? conn->user : "",
                       conn->user ? strlen(conn->user) : 0};
  if (!tracer)
    return false;
  sent_read(&message, frame);
  uint32_t places = tracer_match(TRACE_USER, user) | sent_match(&message);
  places |= frame->cause.traces & tracer->places;
  if (!places)
    return false;
  if (tracer->flight_count >= FLIGHTS_MAX) {
    board_drop(tracer->board, places);
    return false;
  }
  new_flight(tracer, conn, frame, &message)->places = places;
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

static void tell_flight(const struct flight *flight, const char *event) {
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
