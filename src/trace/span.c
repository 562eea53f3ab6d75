/* SPDX-License-Identifier: MIT
 * Messages and calls, while a trace is on. */
#include "trace/span.h"

#include "base/mem.h"
#include "wire/frame.h"

#include <sys/random.h>
#include <uv.h>

struct span {
  uint64_t number;
  unsigned holders;
  uint32_t places; /* of the traces that have been told of it */
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
  struct buf begin; /* its first line, for traces that come to it later */
};

_Thread_local struct span *span_now;

/* Numbers are to differ from those of other processes, too. */
static uint64_t new_number(void) {
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
  uint32_t more = places & ~span->places;
  span->places |= more;
  frame_cause.traces = span->places;
  if (more && span->begin.len > 0) /* it has begun before any trace */
    board_put(tracer->board, more, &span->begin);
}

static uint32_t match_text(enum trace_kind kind, const char *text) {
  return text ? tracer_match(kind, (struct slice){text, strlen(text)}) : 0;
}

struct span *span_begin(const struct span_start *start) {
  struct tracer *tracer = tracer_here();
  struct span *span = mem_alloc(sizeof *span);
  span->holders = 1;
  span->kind = start->kind;
  span->number = new_number();
  span->begin_ns = uv_hrtime();
  span->conn = start->conn;
  span->user = mem_strdup(start->user);
  span->type = mem_strdup(start->type);
  if (start->traceparent.len > 0)
    (void)traceparent_read(start->traceparent, &span->parent);
  if (!tracer || !tracer->places)
    return span;
  write_begin(span, start);
  span->places =
      match_text(TRACE_USER, start->user) | match_text(TRACE_TYPE, start->type);
  if (span->places)
    board_put(tracer->board, span->places, &span->begin);
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
  frame_cause = (struct frame_cause){0};
  if (span)
    frame_cause = (struct frame_cause){span->number, span->places};
  return before;
}

void span_touch_room(const char *name, size_t len) {
  if (span_now)
    span_touch(tracer_match(TRACE_ROOM, (struct slice){name, len}));
}

uint32_t span_places(void) {
  return span_now ? span_now->places : 0;
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

void span_end(struct span *span, const struct span_result *result) {
  span->ended = true;
  if (!span->places || !tracer_here())
    return;
  struct buf *out = tracer_begin("done");
  put_who(out, span);
  put_ms(out, "ms", uv_hrtime() - span->begin_ns);
  put_span_result(out, span, result);
  tracer_end(span->places);
}
