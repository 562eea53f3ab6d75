/* SPDX-License-Identifier: MIT
 * A thread's view of the traces. */
#include "trace/tracer.h"

#include "base/mem.h"
#include "trace/flight.h"
#include "wire/json.h"

#include <string.h>
#include <sys/time.h>
#include <uv.h>

enum { LINE_KEEP = 64 * 1024 };

_Thread_local atomic_bool tracer_flag;

_Thread_local uint64_t tracer_share;

static _Thread_local struct tracer *here;
static _Thread_local uint64_t drawn; /* the last one */

/* Which messages are drawn is no secret: xorshift will do. */
bool tracer_draw(void) {
  drawn ^= drawn << 13;
  drawn ^= drawn >> 7;
  drawn ^= drawn << 17;
  return (drawn >> 32) < tracer_share;
}

void tracer_sample(double share) {
  tracer_share = here && here->otlp ? (uint64_t)(share * 4294967296.0) : 0;
}

void tracer_join(struct trace_board *board, int worker) {
  here = mem_alloc(sizeof *here);
  here->board = board;
  here->otlp = board_otlp(board);
  here->worker = worker;
  drawn = uv_hrtime() | 1;
  board_enlist(board, &tracer_flag);
}

void tracer_leave(void) {
  if (!here)
    return;
  tracer_share = 0;
  board_dismiss(here->board, &tracer_flag);
  flight_forget_all(here);
  buf_free(&here->line);
  mem_free(here);
  here = NULL;
}

struct tracer *tracer_here(void) {
  if (here)
    board_read(here->board, &here->version, &here->places, here->targets);
  return here;
}

uint32_t tracer_match(enum trace_kind kind, struct slice text) {
  const struct tracer *tracer = tracer_here();
  uint32_t places = 0;
  for (int i = 0; tracer && i < TRACES_MAX; i++) {
    const struct trace_target *target = &tracer->targets[i];
    if (tracer->places & 1U << i && target->kind == kind && text.len > 0 &&
        target->len == text.len && memcmp(target->text, text.at, text.len) == 0)
      places |= 1U << i;
  }
  return places;
}

struct buf *tracer_begin(const char *event) {
  struct timeval now;
  struct buf *out = &here->line;
  gettimeofday(&now, NULL);
  buf_reset(out, LINE_KEEP);
  buf_printf(out, "{\"event\":\"%s\",\"at\":%lld.%06d,\"worker\":%d", event,
             (long long)now.tv_sec, (int)now.tv_usec, here->worker);
  return out;
}

void tracer_end(uint32_t places) {
  buf_putc(&here->line, '}');
  board_put(here->board, places, &here->line);
}

void tracer_text(struct buf *out, const char *name, const char *text) {
  if (!text)
    return;
  buf_printf(out, ",\"%s\":", name);
  json_put_any(out, text, strlen(text));
}

/* How many bytes of a text of UTF-8 end with a whole character. */
static size_t cut_utf8(const char *text, size_t len) {
  while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
    len--;
  return len;
}

/* Line breaks in JSON are space between its parts: a line has none. */
static void put_json_line(struct buf *out, struct slice json) {
  size_t begin = out->len;
  buf_put(out, json.at, json.len);
  for (size_t i = begin; i < out->len; i++)
    if (out->data[i] == '\n' || out->data[i] == '\r')
      out->data[i] = ' ';
}

void tracer_data(struct buf *out, struct slice data) {
  buf_printf(out, ",\"bytes\":%zu", data.len);
  if (data.len > TRACE_DATA_BYTES) {
    buf_puts(out, ",\"data_begin\":");
    json_put_string(out, data.at, cut_utf8(data.at, TRACE_DATA_BYTES));
  } else if (data.len > 0) {
    buf_puts(out, ",\"data\":");
    put_json_line(out, data);
  }
}
