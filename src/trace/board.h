/* SPDX-License-Identifier: MIT
 * Which traces are on, and what they have told that nobody has taken yet.
 *
 * A trace follows a user, a room or a type. There is one board for the process.
 * Who looks opens a trace and takes its lines from time to time (api/trace);
 * the workers look at the board only while a trace is open, and put lines on
 * it. What is not taken in time is dropped, and counted: a worker never waits
 * for who looks. */
#ifndef TRACE_BOARD_H
#define TRACE_BOARD_H

#include "base/attr.h"
#include "base/buf.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
  TRACES_MAX = 16, /* at once */
  TRACE_TARGET_BYTES = 128,
  TRACE_PENDING_BYTES = 1024 * 1024, /* of lines, for each trace */
};

/* X(NAME, word): what a trace follows. */
#define TRACE_KINDS(X)                                                         \
  X(USER, "user")                                                              \
  X(ROOM, "room")                                                              \
  X(TYPE, "type")

enum trace_kind {
#define TRACE_KIND(name, word) TRACE_##name,
  TRACE_KINDS(TRACE_KIND)
#undef TRACE_KIND
};

struct trace_target {
  enum trace_kind kind;
  size_t len;
  char text[TRACE_TARGET_BYTES + 1];
};

/* Where a span or a frame says which traces follow it, this bit says that it
 * goes to a collector, too (trace/otlp). */
#define TRACE_EXPORTED (UINT32_C(1) << 31)

struct otlp;
struct trace_board;

MUST_CHECK struct trace_board *board_new(void);

/* Accepts NULL. Nobody may be enlisted. */
void board_free(struct trace_board *board);

/* `on` is set while there is a trace, from now until board_dismiss. It is read
 * by the thread that enlists it, without a lock. */
void board_enlist(struct trace_board *board, atomic_bool *on);
void board_dismiss(struct trace_board *board, atomic_bool *on);

/* Turns a trace on. Returns its place on the board, or -1 if there are
 * TRACES_MAX already. */
MUST_CHECK int board_open(struct trace_board *board,
                          const struct trace_target *target);

/* Turns it off; what it has told is forgotten. */
void board_close(struct trace_board *board, int place);

/* Moves its lines to the end of `out`. Returns how many were dropped since the
 * last time. */
uint64_t board_take(struct trace_board *board, int place, struct buf *out);

/* Where spans go that are exported, borrowed; NULL: nowhere. To be set before
 * other threads come. */
void board_export(struct trace_board *board, struct otlp *otlp);
struct otlp *board_otlp(const struct trace_board *board);

/* A line without its end, for all traces whose bits are in `places`. */
void board_put(struct trace_board *board, uint32_t places,
               const struct buf *line);

/* A line that could not even be made, for those. */
void board_drop(struct trace_board *board, uint32_t places);

/* Copies the targets if the board has changed since `*version`, which is 0 at
 * first. `*places` has a bit for each target that is one. */
void board_read(struct trace_board *board, unsigned *version, uint32_t *places,
                struct trace_target targets[TRACES_MAX]);

/* Appends its figures for /metrics. By any thread, as all of these. */
void board_print(struct trace_board *board, struct buf *out);

#endif
