/* SPDX-License-Identifier: MIT
 * Calls that are traced. */
#include "script/call_trace.h"

#include "hub/conn.h"
#include "script/generation.h"
#include "trace/span.h"

/* What it is given: JSON is its data, and texts may name a room. */
static struct slice data_of(const struct call_spec *spec) {
  for (int i = 0; i < spec->nargs; i++)
    if (spec->args[i].kind == CALL_JSON || spec->args[i].kind == CALL_VIEW)
      return (struct slice){spec->args[i].text, spec->args[i].len};
  return (struct slice){"", 0};
}

static void touch_rooms(struct span *span, const struct call_spec *spec) {
  struct span *before = span_enter(span);
  for (int i = 0; i < spec->nargs; i++)
    if (spec->args[i].kind == CALL_STRING)
      span_touch_room(spec->args[i].text, spec->args[i].len);
  (void)span_enter(before);
}

void call_trace_begin(struct call *call, bool drawn) {
  struct call_spec *spec = &call->spec;
  struct span_start start = {.kind = SPAN_CALL,
                             .type = spec->handler->name,
                             .conn = spec->conn ? spec->conn->id : 0,
                             .user =
                                 spec->conn ? conn_user_id(spec->conn) : NULL,
                             .traceparent = spec->traceparent,
                             .drawn = drawn,
                             .data = data_of(spec)};
  if (spec->span) {
    span_take(span_hold(spec->span));
    return;
  }
  spec->span = span_begin(&start);
  touch_rooms(spec->span, spec);
}

int call_trace_resume(struct call *call, int *nresults) {
  struct generation *generation = call->generation;
  struct span *before = span_enter(call->spec.span);
  uint64_t begin_ns = uv_hrtime();
  int status = lua_resume(call->L, generation->L, 0, nresults);
  span_spend(call->spec.span, uv_hrtime() - begin_ns);
  (void)span_enter(before);
  return status;
}

static struct span_result result_of(const struct call *call) {
  static const char *const verdicts[] = {
      [CALL_OK] = "ok", [CALL_REFUSED] = "refused", [CALL_FAILED] = "failed"};
  const struct call_result *result = &call->result;
  struct span_result told = {.verdict = verdicts[result->verdict],
                             .handler = call->spec.handler->name,
                             .generation = call->generation->number,
                             .reply = {"", 0}};
  if (result->verdict == CALL_REFUSED) {
    told.code = result->code;
    told.text = result->text;
  } else if (result->verdict == CALL_FAILED) {
    told.code = err_name(result->err);
    told.ref = result->ref;
    told.error = result->error;
  } else if (call->spec.results && !call->spec.web &&
             result->value[0].len > 0) {
    told.reply = (struct slice){result->value[0].text, result->value[0].len};
  }
  return told;
}

void call_trace_end_take(struct call *call) {
  struct span *span = call->spec.span, *before = span_enter(span);
  struct span_result result = result_of(call);
  span_end(span, &result);
  if (call->spec.done)
    call->spec.done(&call->spec, &call->result);
  (void)span_enter(before);
  call->spec.span = NULL;
  span_release(span);
}
