/* SPDX-License-Identifier: MIT
 * Lines of a trace, as people read them:
 *
 *   12:30:01.123  message   alice   chat.send   #5 {"text":"hi"}
 *   12:30:01.124  sent      →       room lobby  chat.message to 3
 *   12:30:01.124  done      alice   chat.send   ok in 0.412 ms …
 */
#include "cli/trace_line.h"

#include <jansson.h>
#include <string.h>
#include <time.h>

enum { NAME_COLUMNS = 9, USER_COLUMNS = 16, TYPE_COLUMNS = 20, SPAN_SHOWN = 6 };

#define DIM    "\033[2m"
#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define BLUE   "\033[34m"
#define CYAN   "\033[36m"
#define NORMAL "\033[0m"

struct event_look {
  const char *event, *color;
};

static const struct event_look looks[] = {
    {"trace", DIM},      {"message", CYAN},   {"call", CYAN}, {"sent", BLUE},
    {"done", GREEN},     {"delivery", DIM},   {"acked", DIM}, {"lost", YELLOW},
    {"refused", YELLOW}, {"dropped", YELLOW},
};

static const char *text_in(const json_t *line, const char *key) {
  const char *text = json_string_value(json_object_get(line, key));
  return text ? text : "";
}

static bool line_has(const json_t *line, const char *key) {
  return json_object_get(line, key) != NULL;
}

static const char *color_of(const json_t *line) {
  const char *event = text_in(line, "event"),
             *verdict = text_in(line, "verdict");
  if (!strcmp(verdict, "failed"))
    return RED;
  if (!strcmp(verdict, "refused"))
    return YELLOW;
  for (size_t i = 0; i < ARRAY_SIZE(looks); i++)
    if (!strcmp(looks[i].event, event))
      return looks[i].color;
  return "";
}

/* --- parts -------------------------------------------------------------- */

/* Strangers choose names and data: nothing that a terminal would obey. */
static void put_plain(struct buf *out, const char *text, bool lines) {
  for (; *text; text++) {
    unsigned char c = (unsigned char)*text;
    if (c == '\n' && lines)
      buf_puts(out, "\n                ");
    else if (c == '\t')
      buf_puts(out, "  ");
    else if (c < ' ' || c == 0x7f ||
             (c == 0xc2 && (unsigned char)text[1] < 0xa0))
      buf_putc(out, '?');
    else
      buf_putc(out, (char)c);
  }
}

/* Padded to so many columns, characters of UTF-8 counted as one. */
static void put_column(struct buf *out, const char *text, int columns) {
  put_plain(out, text, false);
  for (; *text; text++)
    columns -= ((unsigned char)*text & 0xc0) != 0x80;
  while (columns-- > 0)
    buf_putc(out, ' ');
  buf_puts(out, "  ");
}

static void put_clock(struct buf *out, const json_t *line) {
  double at = json_number_value(json_object_get(line, "at"));
  time_t seconds = (time_t)at;
  struct tm tm;
  localtime_r(&seconds, &tm);
  buf_printf(out, "%02d:%02d:%02d.%03d  ", tm.tm_hour, tm.tm_min, tm.tm_sec,
             (int)((at - (double)seconds) * 1000));
}

static void put_duration(struct buf *out, double ms) {
  if (ms < 1)
    buf_printf(out, "%.0f µs", ms * 1000);
  else if (ms < 1000)
    buf_printf(out, "%.1f ms", ms);
  else
    buf_printf(out, "%.2f s", ms / 1000);
}

static double ms_in(const json_t *line, const char *key) {
  return json_number_value(json_object_get(line, key));
}

static long long int_in(const json_t *line, const char *key) {
  return (long long)json_integer_value(json_object_get(line, key));
}

static void put_compact(struct buf *out, const json_t *value) {
  char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
  if (text)
    put_plain(out, text, false);
  free(text);
}

static void put_data_shown(struct buf *out, const json_t *line) {
  if (line_has(line, "data")) {
    buf_putc(out, ' ');
    put_compact(out, json_object_get(line, "data"));
  } else if (line_has(line, "data_begin")) {
    buf_putc(out, ' ');
    put_plain(out, text_in(line, "data_begin"), false);
    buf_printf(out, "… (%lld bytes)", int_in(line, "bytes"));
  }
}

/* --- what each says ------------------------------------------------------- */

static void put_begin(struct buf *out, const json_t *line) {
  if (line_has(line, "id")) {
    buf_puts(out, " id=");
    put_compact(out, json_object_get(line, "id"));
  }
  put_data_shown(out, line);
}

static void put_sent(struct buf *out, const json_t *line) {
  const char *to = text_in(line, "to"), *target = text_in(line, "target");
  long long receivers = int_in(line, "receivers");
  buf_printf(out, " to %s", to);
  if (*target) {
    buf_putc(out, ' ');
    put_plain(out, target, false);
  } else if (line_has(line, "conn")) {
    buf_printf(out, " %lld", int_in(line, "conn"));
  }
  if (line_has(line, "seq"))
    buf_printf(out, " as number %lld", int_in(line, "seq"));
  buf_printf(out, ", %lld receiver%s", receivers, receivers == 1 ? "" : "s");
  put_data_shown(out, line);
}

static void put_done(struct buf *out, const json_t *line) {
  buf_printf(out, " %s in ", text_in(line, "verdict"));
  put_duration(out, ms_in(line, "ms"));
  if (line_has(line, "handler")) {
    buf_puts(out, " (");
    put_duration(out, ms_in(line, "lua_ms"));
    buf_printf(out, " in Lua, generation %lld", int_in(line, "generation"));
    if (line_has(line, "waited"))
      buf_printf(out, ", waited %lld×", int_in(line, "waited"));
    buf_putc(out, ')');
  }
  if (line_has(line, "code")) {
    buf_putc(out, ' ');
    put_plain(out, text_in(line, "code"), false);
  }
  if (line_has(line, "ref"))
    buf_printf(out, " ref=%s", text_in(line, "ref"));
  if (line_has(line, "text")) {
    buf_puts(out, ": ");
    put_plain(out, text_in(line, "text"), false);
  }
  put_data_shown(out, line);
  if (line_has(line, "error")) {
    buf_puts(out, "\n                ");
    put_plain(out, text_in(line, "error"), true);
  }
}

static void put_flight(struct buf *out, const json_t *line) {
  buf_printf(out, " to conn %lld, %lld bytes, after ", int_in(line, "conn"),
             int_in(line, "bytes"));
  put_duration(out, ms_in(line, "ms"));
  if (line_has(line, "n"))
    buf_printf(out, ", message %lld of its session", int_in(line, "n"));
}

static void put_refusal(struct buf *out, const json_t *line) {
  buf_putc(out, ' ');
  put_plain(out, text_in(line, "code"), false);
  buf_puts(out, ": ");
  put_plain(out, text_in(line, "text"), false);
}

static void put_about(struct buf *out, const json_t *line) {
  const char *event = text_in(line, "event");
  if (!strcmp(event, "message") || !strcmp(event, "call"))
    put_begin(out, line);
  else if (!strcmp(event, "sent"))
    put_sent(out, line);
  else if (!strcmp(event, "done"))
    put_done(out, line);
  else if (!strcmp(event, "refused"))
    put_refusal(out, line);
  else if (!strcmp(event, "dropped"))
    buf_printf(out, " %lld lines that came too fast", int_in(line, "count"));
  else if (line_has(line, "ms"))
    put_flight(out, line);
}

static void put_trace_line(struct buf *out, const json_t *line, bool color) {
  char span[SPAN_SHOWN + 1] = "";
  const char *paint = color ? color_of(line) : "";
  const char *type = text_in(line, line_has(line, "call") ? "call" : "type");
  strncat(span, text_in(line, "span"), SPAN_SHOWN);
  put_clock(out, line);
  buf_puts(out, paint);
  put_column(out, text_in(line, "event"), NAME_COLUMNS);
  put_column(out, span, SPAN_SHOWN);
  put_column(out, line_has(line, "user") ? text_in(line, "user") : "-",
             USER_COLUMNS);
  put_column(out, *type ? type : "-", TYPE_COLUMNS);
  out->len--;
  put_about(out, line);
  while (out->len > 0 && out->data[out->len - 1] == ' ')
    out->len--;
  if (*paint)
    buf_puts(out, NORMAL);
  buf_putc(out, '\n');
}

/* The first line says what is followed. */
static void put_first(struct buf *out, const json_t *line) {
  const char *kind = line_has(line, "user")   ? "user"
                     : line_has(line, "room") ? "room"
                                              : "type";
  buf_printf(out, "following %s ", kind);
  put_plain(out, text_in(line, kind), false);
  buf_puts(out, ", until Ctrl-C\n");
}

void trace_line_put(struct buf *out, const char *json, size_t len, bool color) {
  json_t *line = json_loadb(json, len, 0, NULL);
  const char *event = text_in(line, "event");
  if (!json_is_object(line)) {
    buf_put(out, json, len);
    buf_putc(out, '\n');
  } else if (!strcmp(event, "trace")) {
    put_first(out, line);
  } else if (strcmp(event, "alive") != 0) {
    put_trace_line(out, line, color);
  }
  json_decref(line);
}
