/* SPDX-License-Identifier: MIT
 * Log lines: one event, one line, to standard error.
 *
 * Text:  2026-01-31T12:00:00.123Z info  conn=12 user=42 authenticated
 * JSON:  {"time":"…","level":"info","msg":"conn=12 user=42 authenticated"}
 *
 * A line begins with `key=value` pairs that say to whom something happened, and
 * then says what happened. Bytes of peers may go in. Control characters are
 * escaped, and what follows a line break (as in a traceback) is indented, so
 * that nobody can forge a line. Secrets and tokens never go in. All threads
 * share the sink; a line is written whole.
 *
 * A server calls log_start. From then on a thread of its own writes the lines,
 * and a thread that serves does not wait for whoever reads them. Lines that do
 * not fit into the ring are counted, and the count is the next line
 * (base/spool). Commands that write a few lines and exit do not call log_start:
 * log_write writes their lines itself. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

/* Lines longer than this are cut and end with "…". */
enum { LOG_LINE_BYTES = 8192 };

/* Call before threads start; defaults are LOG_INFO and LOG_TEXT. Colour is
 * used for text on a terminal unless NO_COLOR is set. */
void log_setup(enum log_level level, enum log_format format);

/* By any thread, at any time. */
void log_set_level(enum log_level level);

/* From log_start to log_stop a thread writes the lines. log_stop waits until
 * the lines that are left are written, for two seconds at most. */
void log_start(void);
void log_stop(void);

/* Waits like log_stop until the lines so far are written. For a process that is
 * about to end in another way. */
void log_flush(void);

/* Bytes of lines that are not written yet. */
size_t log_waiting(void);

/* How many lines did not fit since the start of the process. */
uint64_t log_lost(void);

bool log_enabled(enum log_level level);

void log_write(enum log_level level, const char *fmt, ...) PRINTF(2, 3);

/* For what cannot happen: writes the line, waits until it is written, and
 * aborts. */
_Noreturn void log_fatal(const char *fmt, ...) PRINTF(1, 2);

/* The argument list is not evaluated when the level is off. */
#define log_at(level, ...)                                                     \
  do {                                                                         \
    if (log_enabled(level))                                                    \
      log_write(level, __VA_ARGS__);                                           \
  } while (0)

#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)

#endif
