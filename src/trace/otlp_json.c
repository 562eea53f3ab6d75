/* SPDX-License-Identifier: MIT
 * OTLP in JSON. */
#include "trace/otlp_json.h"

#include "wire/json.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

enum {
  STATUS_ERROR = 2,
  FLAGS_SAMPLED = 0x01,
  FLAGS_KNOWN = 0x100, /* the next one says something */
  FLAGS_REMOTE = 0x200,
};

static uint64_t unix_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void put_moment(struct buf *out, const char *key, uint64_t ns) {
  buf_printf(out, ",\"%s\":\"%llu\"", key, (unsigned long long)ns);
}

static void put_text_of_json(struct buf *out, struct slice text) {
  json_put_any(out, text.at, text.len);
}

/* Without the comma that the first one has, too. */
static void put_parts(struct buf *out, const char *key, struct slice parts) {
  if (parts.len > 0)
    buf_printf(out, ",\"%s\":[", key);
  if (parts.len > 0)
    buf_put(out, parts.at + 1, parts.len - 1);
  if (parts.len > 0)
    buf_putc(out, ']');
}

/* --- attributes --------------------------------------------------------- */

void otlp_put_quoted(struct buf *out, const char *key, struct slice quoted) {
  if (quoted.len > 0)
    buf_printf(out, ",{\"key\":\"%s\",\"value\":{\"stringValue\":\"%.*s\"}}",
               key, (int)quoted.len, quoted.at);
}

void otlp_put_text(struct buf *out, const char *key, struct slice text) {
  if (text.len == 0)
    return;
  buf_printf(out, ",{\"key\":\"%s\",\"value\":{\"stringValue\":", key);
  put_text_of_json(out, text);
  buf_puts(out, "}}");
}

void otlp_put_string(struct buf *out, const char *key, const char *text) {
  if (text)
    otlp_put_text(out, key, (struct slice){text, strlen(text)});
}

void otlp_put_int(struct buf *out, const char *key, uint64_t value) {
  buf_printf(out, ",{\"key\":\"%s\",\"value\":{\"intValue\":\"%llu\"}}", key,
             (unsigned long long)value);
}

void otlp_put_ms(struct buf *out, const char *key, uint64_t ns) {
  buf_printf(out, ",{\"key\":\"%s\",\"value\":{\"doubleValue\":%.3f}}", key,
             (double)ns / 1e6);
}

/* --- events ------------------------------------------------------------- */

void otlp_event_begin(struct buf *out, const char *name, const char *key,
                      const char *value) {
  buf_printf(out, ",{\"name\":\"%s\"", name);
  put_moment(out, "timeUnixNano", unix_ns());
  buf_printf(
      out, ",\"attributes\":[{\"key\":\"%s\",\"value\":{\"stringValue\":", key);
  put_text_of_json(out, (struct slice){value, strlen(value)});
  buf_puts(out, "}}");
}

void otlp_event_end(struct buf *out) {
  buf_puts(out, "]}");
}

/* --- a span ------------------------------------------------------------- */

static void put_ids(struct buf *out, const struct otlp_span *span) {
  int flags = FLAGS_SAMPLED | FLAGS_KNOWN | (span->remote ? FLAGS_REMOTE : 0);
  buf_printf(out, "{\"traceId\":\"%s\",\"spanId\":\"%016llx\"", span->trace,
             (unsigned long long)span->number);
  if (*span->parent)
    buf_printf(out, ",\"parentSpanId\":\"%s\"", span->parent);
  buf_printf(out, ",\"flags\":%d", flags);
}

static void put_span_name(struct buf *out, const struct otlp_span *span) {
  size_t begin;
  buf_puts(out, ",\"name\":");
  begin = out->len;
  put_text_of_json(out, span->type);
  if (!*span->word)
    return;
  out->len = begin;
  buf_printf(out, "\"%s ", span->word);
  begin = out->len;
  put_text_of_json(out, span->type);
  memmove(out->data + begin, out->data + begin + 1, out->len - begin - 1);
  out->len--; /* the second quote of the begin */
}

void otlp_put_span(struct buf *out, const struct otlp_span *span) {
  uint64_t ahead = unix_ns() - uv_hrtime();
  put_ids(out, span);
  put_span_name(out, span);
  buf_printf(out, ",\"kind\":%d", (int)span->kind);
  put_moment(out, "startTimeUnixNano", span->begin_ns + ahead);
  put_moment(out, "endTimeUnixNano", span->end_ns + ahead);
  put_parts(out, "attributes", span->attributes);
  put_parts(out, "events", span->events);
  if (span->lost_events > 0)
    buf_printf(out, ",\"droppedEventsCount\":%u", span->lost_events);
  buf_puts(out, ",\"status\":{");
  if (span->error) {
    buf_printf(out, "\"code\":%d,\"message\":", STATUS_ERROR);
    json_put_any(out, span->error, strlen(span->error));
  }
  buf_puts(out, "}}");
}

/* --- a request ---------------------------------------------------------- */

void otlp_put_head(struct buf *out, const struct otlp_resource *resource) {
  struct buf parts = {0};
  otlp_put_string(&parts, "service.name", resource->service);
  otlp_put_string(&parts, "service.version", PERIGEE_VERSION);
  otlp_put_string(&parts, "service.instance.id", resource->instance);
  otlp_put_string(&parts, "host.name", resource->host);
  otlp_put_int(&parts, "process.pid", (uint64_t)getpid());
  buf_puts(out, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[");
  buf_put(out, parts.data + 1, parts.len - 1);
  buf_puts(out, "]},\"scopeSpans\":[{\"scope\":{\"name\":\"perigee\","
                "\"version\":\"" PERIGEE_VERSION "\"},\"spans\":[");
  buf_free(&parts);
}

void otlp_put_tail(struct buf *out) {
  buf_puts(out, "]}]}]}");
}

/* --- an answer ---------------------------------------------------------- */

/* The value of that member, passed; false: there is none. */
static bool find_member(struct json_scan scan, const char *name,
                        struct slice *value) {
  struct json_string key;
  json_skip_space(&scan);
  int more = scan.at < scan.end && *scan.at == '{' ? json_enter(&scan, '}') : 0;
  for (; more > 0; more = json_next(&scan, '}')) {
    if (json_scan_key(&scan, &key))
      return false;
    const char *begin = scan.at;
    if (json_skip_value(&scan, 1))
      return false;
    if (!slice_equals((struct slice){key.text, key.len}, name))
      continue;
    *value = (struct slice){begin, (size_t)(scan.at - begin)};
    return true;
  }
  return false;
}

uint64_t otlp_read_rejected(struct slice answer, struct slice *why) {
  struct slice partial, count;
  struct json_scan scan = {answer.at, answer.at + answer.len};
  char text[24] = "";
  *why = (struct slice){"\"\"", 2};
  if (!find_member(scan, "partialSuccess", &partial))
    return 0;
  scan = (struct json_scan){partial.at, partial.at + partial.len};
  (void)find_member(scan, "errorMessage", why);
  if (!find_member(scan, "rejectedSpans", &count) || count.len >= sizeof text)
    return 0;
  memcpy(text, count.at, count.len); /* a number, or a text with one */
  return strtoull(text + (*text == '"'), NULL, 10);
}
