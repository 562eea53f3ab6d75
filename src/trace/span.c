/* SPDX-License-Identifier: MIT
 * Messages and calls, while a trace is on. */
#include "trace/span.h"

#include "base/mem.h"
#include "trace/otlp.h"
#include "wire/cause.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <uv.h>

struct span {
  uint64_t number;
  unsigned holders;
  struct cause *cause; /* of what it sends; its traces have been told of it */
  bool taken;
  bool ended;
  enum span_kind kind;
  uint64_t begin_ns, lua_ns;
  unsigned steps; /* in Lua; it has waited between them */
  uint64_t conn;
  char *user;
  char *type;
  char *code, *text; /* of a refusal; NULL: none was noted */
  struct traceparent parent;
  bool remote;      /* `parent` is another process */
  struct buf begin; /* its first line, for traces that come to it later */
  struct buf sent;  /* for a collector: events */
  unsigned sent_count;
};

enum { SPAN_SENT_MAX = 64 };

_Thread_local struct span *span_now;

uint64_t span_new_number(void) {
  uint64_t number = 0;
  while (number == 0)
    if (getrandom(&number, sizeof number, 0) != sizeof number)
      number = uv_hrtime();
  return number;
}

void span_put(struct buf *out, uint64_t number) {
  if (number)
    buf_printf(out, ",\"span\":\"%016llx\"", (unsigned long long)number);
}

static void put_who(struct buf *out, const struct span *span) {
  span_put(out, span->number);
  if (span->conn)
    buf_printf(out, ",\"conn\":%llu", (unsigned long long)span->conn);
  if (*span->parent.trace)
    tracer_text(out, "trace_id", span->parent.trace);
  tracer_text(out, "user", span->user);
  tracer_text(out, span->kind == SPAN_MESSAGE ? "type" : "call", span->type);
}

/* --- the begin ---------------------------------------------------------- */

/* Its first line, which is kept. */
static void write_begin(struct span *span, const struct span_start *start) {
  struct buf *out =
      tracer_begin(start->kind == SPAN_MESSAGE ? "message" : "call");
  put_who(out, span);
  if (start->id && start->id->kind != MSG_ID_NONE) {
    buf_puts(out, ",\"id\":");
    msg_id_put(out, start->id);
  }
  if (start->data.len > 0)
    tracer_data(out, start->data);
  buf_putc(out, '}');
  buf_put(&span->begin, out->data, out->len);
}

void span_touch(uint32_t places) {
  struct tracer *tracer = tracer_here();
  struct span *span = span_now;
  if (!span || !tracer)
    return;
  uint32_t more = places & ~cause_traces(span->cause);
  span->cause->traces |= more;
  if (more && span->begin.len > 0) /* it has begun before any trace */
    board_put(tracer->board, more, &span->begin);
}

static uint32_t match_text(enum trace_kind kind, const char *text) {
  return text ? tracer_match(kind, (struct slice){text, strlen(text)}) : 0;
}

/* The trace that it is part of, if any; whether it is exported. */
static bool find_parent(struct span *span, const struct span_start *start) {
  const struct span *above = span_now;
  span->remote = start->traceparent.len > 0 &&
                 traceparent_read(start->traceparent, &span->parent);
  if (span->remote)
    return strtoul(span->parent.flags, NULL, 16) & 1;
  if (!above || !*above->parent.trace)
    return false;
  span->parent = above->parent;
  snprintf(span->parent.span, sizeof span->parent.span, "%016llx",
           (unsigned long long)above->number);
  return cause_traces(above->cause) & TRACE_EXPORTED;
}

/* Begins a trace of its own. */
static void begin_trace(struct traceparent *parent) {
  snprintf(parent->trace, sizeof parent->trace, "%016llx%016llx",
           (unsigned long long)span_new_number(),
           (unsigned long long)span_new_number());
  strcpy(parent->flags, "01");
}

/* Who is to be told of it, by what is known so far. */
static void find_traces(struct span *span, const struct span_start *start,
                        struct tracer *tracer) {
  bool exported = find_parent(span, start);
  if (start->drawn && !*span->parent.trace) {
    begin_trace(&span->parent);
    exported = true;
  }
  span->cause = cause_new(span->number, span->parent.trace);
  if (exported && tracer && tracer->otlp)
    span->cause->traces = TRACE_EXPORTED;
}

struct span *span_begin(const struct span_start *start) {
  struct tracer *tracer = tracer_here();
  struct span *span = mem_alloc(sizeof *span);
  span->holders = 1;
  span->kind = start->kind;
  span->number = span_new_number();
  span->begin_ns = uv_hrtime();
  span->conn = start->conn;
  span->user = mem_strdup(start->user);
  span->type = mem_strdup(start->type);
  find_traces(span, start, tracer);
  if (!tracer || !tracer->places)
    return span;
  write_begin(span, start);
  uint32_t places =
      match_text(TRACE_USER, start->user) | match_text(TRACE_TYPE, start->type);
  span->cause->traces |= places;
  if (places)
    board_put(tracer->board, places, &span->begin);
  return span;
}

struct span *span_hold(struct span *span) {
  span->holders++;
  return span;
}

void span_release(struct span *span) {
  if (!span || --span->holders > 0)
    return;
  mem_free(span->user);
  mem_free(span->type);
  mem_free(span->code);
  mem_free(span->text);
  buf_free(&span->begin);
  buf_free(&span->sent);
  cause_unref(span->cause);
  mem_free(span);
}

bool span_is_taken(const struct span *span) {
  return span->taken || span->ended;
}

void span_take(struct span *span) {
  span->taken = true;
}

/* --- while it is at work ------------------------------------------------ */

struct span *span_enter(struct span *span) {
  struct span *before = span_now;
  span_now = span;
  cause_now = span ? span->cause : NULL;
  return before;
}

void span_touch_room(const char *name, size_t len) {
  if (span_now)
    span_touch(tracer_match(TRACE_ROOM, (struct slice){name, len}));
}

uint32_t span_places(void) {
  return span_now ? cause_traces(span_now->cause) : 0;
}

uint64_t span_number(void) {
  return span_now ? span_now->number : 0;
}

void span_spend(struct span *span, uint64_t lua_ns) {
  span->lua_ns += lua_ns;
  span->steps++;
}

bool span_traceparent(char out[TRACEPARENT_BYTES + 1]) {
  if (!span_now || !*span_now->parent.trace)
    return false;
  traceparent_write(&span_now->parent, span_now->number, out);
  return true;
}

bool span_note_refusal(const char *code, const char *text) {
  struct span *span = span_now;
  if (!span || span->ended)
    return span != NULL;
  mem_free(span->code);
  mem_free(span->text);
  span->code = mem_strdup(code);
  span->text = mem_strdup(text);
  return true;
}

/* --- the end ------------------------------------------------------------ */

static void put_ms(struct buf *out, const char *name, uint64_t ns) {
  buf_printf(out, ",\"%s\":%.3f", name, (double)ns / 1e6);
}

static void put_span_result(struct buf *out, const struct span *span,
                            const struct span_result *result) {
  bool refused = span->code && !result->code;
  tracer_text(out, "verdict", refused ? "refused" : result->verdict);
  if (result->handler) {
    tracer_text(out, "handler", result->handler);
    buf_printf(out, ",\"generation\":%u", result->generation);
    put_ms(out, "lua_ms", span->lua_ns);
    if (span->steps > 1)
      buf_printf(out, ",\"waited\":%u", span->steps - 1);
  }
  tracer_text(out, "code", refused ? span->code : result->code);
  tracer_text(out, "text", refused ? span->text : result->text);
  tracer_text(out, "ref", result->ref);
  tracer_text(out, "error", result->error);
  if (result->reply.len > 0)
    tracer_data(out, result->reply);
}

/* --- for a collector ----------------------------------------------------- */

void span_add_sent(const char *to, const struct buf *attributes) {
  struct span *span = span_now;
  if (!span || span->ended)
    return;
  if (++span->sent_count > SPAN_SENT_MAX) {
    otlp_leave_out(tracer_here()->otlp);
    return;
  }
  otlp_event_begin(&span->sent, "sent", "perigee.to", to);
  buf_put(&span->sent, attributes->data, attributes->len);
  otlp_event_end(&span->sent);
}

static void put_attributes(struct buf *out, const struct span *span,
                           const struct span_result *result) {
  bool refused = span->code && !result->code;
  otlp_put_string(out, "user.id", span->user);
  if (span->conn)
    otlp_put_int(out, "perigee.conn", span->conn);
  otlp_put_int(out, "perigee.worker", (uint64_t)tracer_here()->worker);
  otlp_put_string(out, "perigee.verdict",
                  refused ? "refused" : result->verdict);
  otlp_put_string(out, "error.type", refused ? span->code : result->code);
  otlp_put_string(out, "perigee.ref", result->ref);
  otlp_put_string(out, "perigee.handler", result->handler);
  if (!result->handler)
    return;
  otlp_put_int(out, "perigee.generation", result->generation);
  otlp_put_ms(out, "perigee.lua_ms", span->lua_ns);
  otlp_put_int(out, "perigee.waited", span->steps > 0 ? span->steps - 1 : 0);
}

static void put_exception(struct buf *out, const struct span_result *result) {
  if (!result->error)
    return;
  otlp_event_begin(out, "exception", "exception.type",
                   result->code ? result->code : "error");
  otlp_put_string(out, "exception.stacktrace", result->error);
  otlp_event_end(out);
}

static void export_span(struct span *span, const struct span_result *result) {
  struct buf attributes = {0}, *out = &tracer_here()->line;
  bool failed = !strcmp(result->verdict, "failed");
  bool message = span->kind == SPAN_MESSAGE;
  put_attributes(&attributes, span, result);
  put_exception(&span->sent, result);
  struct otlp_span told = {
      .trace = span->parent.trace,
      .number = span->number,
      .parent = span->parent.span,
      .remote = span->remote,
      .kind =
          message || strstr(span->type, "@http ") ? OTLP_SERVER : OTLP_INTERNAL,
      .word = message ? "" : "call",
      .type = {span->type, strlen(span->type)},
      .begin_ns = span->begin_ns,
      .end_ns = uv_hrtime(),
      .attributes = {attributes.data, attributes.len},
      .events = {span->sent.data, span->sent.len},
      .lost_events = span->sent_count > SPAN_SENT_MAX
                         ? span->sent_count - SPAN_SENT_MAX
                         : 0,
      .error = failed ? (result->text ? result->text : result->code) : NULL};
  buf_reset(out, 0);
  otlp_put_span(out, &told);
  otlp_add(tracer_here()->otlp, out);
  buf_free(&attributes);
}

static void tell_end(const struct span *span, const struct span_result *result,
                     uint32_t places) {
  struct buf *out = tracer_begin("done");
  put_who(out, span);
  put_ms(out, "ms", uv_hrtime() - span->begin_ns);
  put_span_result(out, span, result);
  tracer_end(places);
}

void span_end(struct span *span, const struct span_result *result) {
  uint32_t places = cause_traces(span->cause);
  span->ended = true;
  if (!places || !tracer_here())
    return;
  if (places & TRACE_EXPORTED)
    export_span(span, result);
  if (places & ~TRACE_EXPORTED)
    tell_end(span, result, places);
}
