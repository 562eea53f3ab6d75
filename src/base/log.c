/* SPDX-License-Identifier: MIT
 * Log lines to standard error. */
#include "base/log.h"

#include "base/spool.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The process-wide sink: set before threads start; then only the level
 * changes. */
static struct {
  atomic_int level;
  enum log_format format;
  bool colour;
} sink = {LOG_INFO, LOG_TEXT, false};

static const char *const names[] = {"debug", "info", "warn", "error"};
static const char *const colours[] = {"\x1b[2m", "", "\x1b[33m", "\x1b[31m"};

/* A line under construction; `max` leaves room for the end of the line. */
struct line {
  size_t len, max;
  char text[LOG_LINE_BYTES];
};

/* How long the end of the process waits for who reads the log. */
enum { FLUSH_MS = 2000 };

enum { TAIL = 16 }; /* "…", colour reset, quote, brace, line break */

static void put_line_text(struct line *line, const char *text, size_t len) {
  if (line->len + len > line->max) {
    len = 0;
    line->max = 0; /* full: nothing more goes in */
  }
  memcpy(line->text + line->len, text, len);
  line->len += len;
}

/* Bytes of the character at the front if it may stand there as it is, or 0: it
 * is ASCII, no UTF-8, or a control character (U+0080 to U+009F) that terminals
 * obey. */
static size_t foreign_char(const char *text, size_t len) {
  size_t n = utf8_char(text, len);
  bool control = n == 2 && text[0] == '\xc2' && (unsigned char)text[1] < 0xa0;
  return n < 2 || control ? 0 : n;
}

static void put_escaped(struct line *line, unsigned char c) {
  char esc[8];
  bool json = sink.format == LOG_JSON;
  if (c == '\n' && !json)
    put_line_text(line, "\n    ", 5);
  else if (c == '\n')
    put_line_text(line, "\\n", 2);
  else if (c == '\t' && !json)
    put_line_text(line, "  ", 2);
  else if (c >= 0x80 && json) /* no UTF-8, which a parser would refuse */
    put_line_text(line, "\\ufffd", 6);
  else if (c < 0x20 || c >= 0x7f)
    put_line_text(
        line, esc,
        (size_t)snprintf(esc, sizeof esc, json ? "\\u%04x" : "\\x%02x", c));
  else if (json && (c == '"' || c == '\\'))
    put_line_text(line, (char[]){'\\', (char)c}, 2);
  else
    put_line_text(line, (const char *)&c, 1);
}

/* Whole characters, so that a line is never cut inside one. */
static void put_message(struct line *line, const char *text, size_t len) {
  while (len > 0) {
    size_t n = foreign_char(text, len);
    if (n > 0)
      put_line_text(line, text, n);
    else
      put_escaped(line, (unsigned char)*text);
    n = n ? n : 1;
    text += n;
    len -= n;
  }
}

static void put_time(struct line *line) {
  struct timespec now;
  struct tm tm;
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &tm);
  line->len += strftime(line->text + line->len, 32, "%FT%T", &tm);
  line->len += (size_t)snprintf(line->text + line->len, 8, ".%03dZ",
                                (int)(now.tv_nsec / 1000000));
}

static void put_line_head(struct line *line, enum log_level level) {
  bool json = sink.format == LOG_JSON;
  if (json)
    put_line_text(line, "{\"time\":\"", 9);
  put_time(line);
  char head[64];
  const char *colour = sink.colour ? colours[level] : "";
  int n = snprintf(head, sizeof head,
                   json ? "\",\"level\":\"%s%s\",\"msg\":\"" : " %s%-5s ",
                   json ? "" : colour, names[level]);
  put_line_text(line, head, (size_t)n);
}

static void put_tail(struct line *line) {
  bool cut = !line->max;
  line->max = sizeof line->text;
  if (cut)
    put_line_text(line, "…", strlen("…"));
  if (sink.format == LOG_JSON)
    put_line_text(line, "\"}", 2);
  else if (sink.colour)
    put_line_text(line, "\x1b[0m", 4);
  put_line_text(line, "\n", 1);
}

void log_setup(enum log_level level, enum log_format format) {
  log_set_level(level);
  sink.format = format;
  sink.colour =
      format == LOG_TEXT && isatty(STDERR_FILENO) && !getenv("NO_COLOR");
}

void log_set_level(enum log_level level) {
  atomic_store_explicit(&sink.level, (int)level, memory_order_relaxed);
}

bool log_enabled(enum log_level level) {
  return (int)level >= atomic_load_explicit(&sink.level, memory_order_relaxed);
}

/* The whole line, with its line break. */
static void make_line(struct line *line, enum log_level level,
                      const char *message, size_t len) {
  *line = (struct line){.max = LOG_LINE_BYTES - TAIL};
  put_line_head(line, level);
  put_message(line, message, len);
  put_tail(line);
}

/* For base/spool, under its lock. */
static size_t make_note(char out[SPOOL_NOTE_BYTES], uint64_t lost) {
  struct line line;
  char message[80];
  int len = snprintf(message, sizeof message,
                     "%llu lines lost: nobody took the log in time",
                     (unsigned long long)lost);
  make_line(&line, LOG_WARN, message, (size_t)len);
  memcpy(out, line.text, line.len);
  return line.len;
}

void log_start(void) {
  spool_start(STDERR_FILENO, make_note);
}

size_t log_waiting(void) {
  return spool_waiting();
}

uint64_t log_lost(void) {
  return spool_lost();
}

void log_flush(void) {
  spool_flush(FLUSH_MS);
}

void log_stop(void) {
  spool_stop(FLUSH_MS);
}

static void write_log_line(enum log_level level, const char *fmt,
                           va_list args) {
  char message[LOG_LINE_BYTES];
  struct line line;
  int n = vsnprintf(message, sizeof message, fmt, args);
  size_t len = n < 0                        ? 0
               : (size_t)n < sizeof message ? (size_t)n
                                            : sizeof message - 1;
  make_line(&line, level, message, len);
  spool_put(STDERR_FILENO, line.text, line.len);
}

void log_write(enum log_level level, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  write_log_line(level, fmt, args);
  va_end(args);
}

void log_fatal(const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  write_log_line(LOG_ERROR, fmt, args);
  va_end(args);
  log_flush();
  abort();
}
