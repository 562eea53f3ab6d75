/* SPDX-License-Identifier: MIT
 * One message, or another call of the scripts, from its begin to its end.
 *
 * While a thread is at work on it, the span is the current one: what is sent
 * then is its effect. Frames carry its number (wire/frame), so that their
 * deliveries, on any worker, can be told as its own.
 *
 * A trace of a room is about spans that have to do with the room, which may be
 * known only when something is sent there. So every message has a span while
 * any trace is on, and what began before is told when a trace turns out to be
 * about it. */
#ifndef TRACE_SPAN_H
#define TRACE_SPAN_H

#include "trace/tracer.h"
#include "wire/msg_id.h"
#include "wire/traceparent.h"

enum span_kind {
  SPAN_MESSAGE, /* of a client */
  SPAN_CALL     /* of the scripts, by something else: a hook, a timer */
};

struct span_start {
  enum span_kind kind;
  uint64_t conn;            /* 0: none */
  const char *user;         /* NULL: none */
  const char *type;         /* of the message; or the name of what is called */
  const struct msg_id *id;  /* NULL: none */
  struct slice traceparent; /* of who has sent it; len 0: none */
  bool drawn; /* trace_draws has said so: it is exported, whoever began it */
  struct slice data; /* JSON; empty: none */
};

/* What has come of it. What is not said is NULL or 0. */
struct span_result {
  const char *verdict; /* "ok", "refused", "failed" */
  const char *handler; /* NULL: none of the scripts */
  unsigned generation;
  const char *code, *text, *ref;
  const char *error;  /* with its traceback */
  struct slice reply; /* JSON */
};

struct span;

/* Begins a span, with one holder. All is copied. A call that begins while
 * another span is the current one is part of that one's trace. */
MUST_CHECK struct span *span_begin(const struct span_start *start);

/* Another holder. */
struct span *span_hold(struct span *span);

/* One holder less. The last one frees it. Accepts NULL. */
void span_release(struct span *span);

/* It is over; nothing is told of it afterwards. */
void span_end(struct span *span, const struct span_result *result);

/* Whether span_end was called, or it is another's to call that. */
bool span_is_taken(const struct span *span);
void span_take(struct span *span);

/* Makes it the current one of this thread (NULL: none is), and returns the one
 * before, which is to be made current again. */
struct span *span_enter(struct span *span);

extern _Thread_local struct span *span_now;

/* The current one, borrowed; NULL: there is none. */
static inline struct span *span_current(void) {
  return span_now;
}

/* The current span has to do with this room, or with these traces. */
void span_touch_room(const char *name, size_t len);
void span_touch(uint32_t places);

/* So much time was spent in Lua, at one go. */
void span_spend(struct span *span, uint64_t lua_ns);

/* Something was sent by what is current: it is among the span's events, if that
 * goes to a collector. `attributes` are of otlp_put_…. */
void span_add_sent(const char *to, const struct buf *attributes);

/* Why what is current is refused, for span_end without a code. False: nothing
 * is current. */
bool span_note_refusal(const char *code, const char *text);

/* The `traceparent` that goes with what the current span asks of others. False:
 * nobody has given it one. */
bool span_traceparent(char out[TRACEPARENT_BYTES + 1]);

/* Appends the members that name the span of that number; nothing for 0. */
void span_put(struct buf *out, uint64_t number);

/* The traces that the current span belongs to. */
uint32_t span_places(void);

/* One that differs from those of other processes, too. Never 0. */
uint64_t span_new_number(void);

/* And its number; 0: there is none. */
uint64_t span_number(void);

#endif
