/* SPDX-License-Identifier: MIT
 * The traces of a process. */
#include "trace/board.h"

#include "base/mem.h"

#include <uv.h>

enum { ENLISTED_MAX = 512, KEPT_BYTES = 64 * 1024 };

struct trace_pending {
  struct trace_target target;
  struct buf lines;
  uint64_t dropped; /* since they were taken */
};

struct trace_board {
  struct otlp *otlp;
  uv_mutex_t lock;          /* of all that follows */
  _Atomic unsigned version; /* written under the lock, read without */
  uint32_t places;          /* which are in use */
  struct trace_pending traces[TRACES_MAX];
  atomic_bool *enlisted[ENLISTED_MAX];
  size_t enlisted_count;
  uint64_t opened, told, dropped; /* since the start */
};

struct trace_board *board_new(void) {
  struct trace_board *board = mem_alloc(sizeof *board);
  uv_mutex_init(&board->lock);
  board->version = 1;
  return board;
}

void board_free(struct trace_board *board) {
  if (!board)
    return;
  for (int i = 0; i < TRACES_MAX; i++)
    buf_free(&board->traces[i].lines);
  uv_mutex_destroy(&board->lock);
  mem_free(board);
}

void board_export(struct trace_board *board, struct otlp *otlp) {
  board->otlp = otlp;
}

struct otlp *board_otlp(const struct trace_board *board) {
  return board->otlp;
}

/* Under the lock, as are: */
static void tell_enlisted(struct trace_board *board) {
  board->version++;
  for (size_t i = 0; i < board->enlisted_count; i++)
    atomic_store(board->enlisted[i], board->places != 0);
}

static void drop_line(struct trace_board *board, struct trace_pending *trace) {
  trace->dropped++;
  board->dropped++;
}

void board_enlist(struct trace_board *board, atomic_bool *on) {
  uv_mutex_lock(&board->lock);
  if (board->enlisted_count < ENLISTED_MAX)
    board->enlisted[board->enlisted_count++] = on;
  tell_enlisted(board);
  uv_mutex_unlock(&board->lock);
}

void board_dismiss(struct trace_board *board, atomic_bool *on) {
  uv_mutex_lock(&board->lock);
  for (size_t i = 0; i < board->enlisted_count; i++)
    if (board->enlisted[i] == on)
      board->enlisted[i--] = board->enlisted[--board->enlisted_count];
  atomic_store(on, false);
  uv_mutex_unlock(&board->lock);
}

int board_open(struct trace_board *board, const struct trace_target *target) {
  int place = 0;
  uv_mutex_lock(&board->lock);
  while (place < TRACES_MAX && board->places & 1U << place)
    place++;
  if (place < TRACES_MAX) {
    board->traces[place].target = *target;
    board->traces[place].dropped = 0;
    board->places |= 1U << place;
    board->opened++;
    tell_enlisted(board);
  }
  uv_mutex_unlock(&board->lock);
  return place < TRACES_MAX ? place : -1;
}

void board_close(struct trace_board *board, int place) {
  uv_mutex_lock(&board->lock);
  board->places &= ~(1U << place);
  buf_free(&board->traces[place].lines);
  tell_enlisted(board);
  uv_mutex_unlock(&board->lock);
}

uint64_t board_take(struct trace_board *board, int place, struct buf *out) {
  struct trace_pending *trace = &board->traces[place];
  uv_mutex_lock(&board->lock);
  uint64_t dropped = trace->dropped;
  buf_put(out, trace->lines.data, trace->lines.len);
  buf_reset(&trace->lines, KEPT_BYTES);
  trace->dropped = 0;
  uv_mutex_unlock(&board->lock);
  return dropped;
}

static void hold_line(struct trace_board *board, struct trace_pending *trace,
                      const struct buf *line) {
  if (trace->lines.len + line->len + 1 > TRACE_PENDING_BYTES) {
    drop_line(board, trace);
    return;
  }
  buf_put(&trace->lines, line->data, line->len);
  buf_putc(&trace->lines, '\n');
  board->told++;
}

/* One that has ended since the worker looked gets nothing. */
void board_put(struct trace_board *board, uint32_t places,
               const struct buf *line) {
  uv_mutex_lock(&board->lock);
  for (int i = 0; i < TRACES_MAX; i++)
    if (places & board->places & 1U << i)
      hold_line(board, &board->traces[i], line);
  uv_mutex_unlock(&board->lock);
}

void board_drop(struct trace_board *board, uint32_t places) {
  uv_mutex_lock(&board->lock);
  for (int i = 0; i < TRACES_MAX; i++)
    if (places & board->places & 1U << i)
      drop_line(board, &board->traces[i]);
  uv_mutex_unlock(&board->lock);
}

void board_read(struct trace_board *board, unsigned *version, uint32_t *places,
                struct trace_target targets[TRACES_MAX]) {
  if (atomic_load_explicit(&board->version, memory_order_relaxed) == *version)
    return;
  uv_mutex_lock(&board->lock);
  *version = board->version;
  *places = board->places;
  for (int i = 0; i < TRACES_MAX; i++)
    targets[i] = board->traces[i].target;
  uv_mutex_unlock(&board->lock);
}

static unsigned count_places(uint32_t places) {
  unsigned count = 0;
  for (; places; places &= places - 1)
    count++;
  return count;
}

void board_print(struct trace_board *board, struct buf *out) {
  uv_mutex_lock(&board->lock);
  buf_printf(out,
             "# HELP perigee_traces traces that are on\n"
             "# TYPE perigee_traces gauge\nperigee_traces %u\n"
             "# HELP perigee_traces_total traces that were turned on\n"
             "# TYPE perigee_traces_total counter\nperigee_traces_total %llu\n"
             "# HELP perigee_trace_lines_total lines told in traces\n"
             "# TYPE perigee_trace_lines_total counter\n"
             "perigee_trace_lines_total %llu\n"
             "# HELP perigee_trace_dropped_total lines of traces that nobody "
             "took in time\n"
             "# TYPE perigee_trace_dropped_total counter\n"
             "perigee_trace_dropped_total %llu\n",
             count_places(board->places), (unsigned long long)board->opened,
             (unsigned long long)board->told,
             (unsigned long long)board->dropped);
  uv_mutex_unlock(&board->lock);
}
