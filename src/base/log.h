/* SPDX-License-Identifier: MIT
 * Log lines: one event, one line, one write to standard error.
 *
 * Text:  2026-01-31T12:00:00.123Z info  conn=12 user=42 authenticated
 * JSON:  {"time":"…","level":"info","msg":"conn=12 user=42 authenticated"}
 *
 * Write what happened after the `key=value` pairs that say to whom. Bytes of
 * peers may go in: control characters are escaped, and a line break (as in a
 * traceback) is indented, so that nobody can forge a line. Secrets and tokens
 * never go in. The sink is shared by all threads; a line is written whole. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/attr.h"

#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

/* Lines longer than this are cut and end with "…". */
enum { LOG_LINE_BYTES = 8192 };

/* Call before threads start; defaults are LOG_INFO and LOG_TEXT. Colour is
 * used for text on a terminal unless NO_COLOR is set. */
void log_setup(enum log_level level, enum log_format format);

bool log_enabled(enum log_level level);

void log_write(enum log_level level, const char *fmt, ...) PRINTF(2, 3);

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
