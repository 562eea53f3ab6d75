/* SPDX-License-Identifier: MIT
 * What is sent. */
#include "trace/sent.h"

#include "trace/otlp_json.h"
#include "trace/span.h"
#include "wire/json.h"

#include <string.h>

enum { ROOM_TEXT_BYTES = 128 };

static const struct slice nothing = {"", 0};

/* The value of the member if that is a text, and next. */
static struct slice take_sent_string(struct json_scan *scan, const char *name,
                                     bool first) {
  struct json_string key, value;
  struct json_scan at = *scan;
  if ((first ? json_enter(&at, '}') : json_next(&at, '}')) <= 0 ||
      json_scan_key(&at, &key) ||
      !slice_equals((struct slice){key.text, key.len}, name) ||
      at.at == at.end || *at.at != '"' || json_scan_string(&at, &value))
    return nothing;
  *scan = at;
  return (struct slice){value.text, value.len};
}

/* Up to the end of the message. Its number may stand before that. */
static struct slice find_data(struct json_scan scan) {
  struct json_string key;
  while (json_next(&scan, '}') > 0 && !json_scan_key(&scan, &key)) {
    const char *begin = scan.at;
    if (json_skip_value(&scan, 1))
      break;
    if (slice_equals((struct slice){key.text, key.len}, "data"))
      return (struct slice){begin, (size_t)(scan.at - begin)};
  }
  return nothing;
}

void sent_read_text(struct sent_message *message, struct slice text) {
  struct json_scan scan = {text.at, text.at + text.len};
  *message = (struct sent_message){nothing, nothing, nothing};
  if (text.len == 0 || *text.at != '{')
    return;
  message->type = take_sent_string(&scan, "type", true);
  if (message->type.len == 0)
    return;
  message->room = take_sent_string(&scan, "room", false);
  message->data = find_data(scan);
}

void sent_read(struct sent_message *message, const struct frame *frame) {
  struct slice text = nothing;
  if (frame_opcode(frame) == FRAME_TEXT && !(frame->data[0] & FRAME_COMPRESSED))
    text.at = (const char *)frame_payload(frame, &text.len);
  sent_read_text(message, text);
}

uint32_t sent_match(const struct sent_message *message) {
  char room[ROOM_TEXT_BYTES];
  size_t len =
      json_unescape(message->room.at, message->room.len, room, sizeof room);
  uint32_t places = tracer_match(TRACE_TYPE, message->type);
  if (len <= sizeof room)
    places |= tracer_match(TRACE_ROOM, (struct slice){room, len});
  return places;
}

static void put_quoted(struct buf *out, const char *name, struct slice inside) {
  if (inside.len > 0)
    buf_printf(out, ",\"%s\":\"%.*s\"", name, (int)inside.len, inside.at);
}

void sent_put(struct buf *out, const struct sent_message *message) {
  put_quoted(out, "type", message->type);
  put_quoted(out, "room", message->room);
}

/* --- telling ------------------------------------------------------------ */

static uint32_t match_note(const struct sent_note *note,
                           const struct sent_message *message) {
  uint32_t places = sent_match(message);
  if (!strcmp(note->to, "user"))
    places |= tracer_match(TRACE_USER, note->target);
  if (!strcmp(note->to, "room"))
    places |= tracer_match(TRACE_ROOM, note->target);
  return places;
}

static void put_note(struct buf *out, const struct sent_note *note,
                     const struct sent_message *message) {
  span_put(out, span_number());
  tracer_text(out, "to", note->to);
  if (note->target.len > 0) {
    buf_puts(out, ",\"target\":");
    json_put_string(out, note->target.at, note->target.len);
  }
  if (note->conn)
    buf_printf(out, ",\"conn\":%llu", (unsigned long long)note->conn);
  put_quoted(out, "type", message->type);
  buf_printf(out, ",\"receivers\":%u", note->receivers);
  if (note->seq)
    buf_printf(out, ",\"seq\":%llu", (unsigned long long)note->seq);
  tracer_data(out, message->data);
}

static void export_sent(const struct sent_note *note,
                        const struct sent_message *message) {
  struct buf attributes = {0};
  otlp_put_text(&attributes, "perigee.target", note->target);
  if (note->conn)
    otlp_put_int(&attributes, "perigee.conn", note->conn);
  otlp_put_quoted(&attributes, "perigee.type", message->type);
  otlp_put_int(&attributes, "perigee.receivers", note->receivers);
  if (note->seq)
    otlp_put_int(&attributes, "perigee.seq", note->seq);
  span_add_sent(note->to, &attributes);
  buf_free(&attributes);
}

void sent_tell(const struct sent_note *note) {
  struct sent_message message;
  if (!tracer_here())
    return;
  sent_read_text(&message, note->text);
  uint32_t places = match_note(note, &message);
  span_touch(places);
  places |= span_places();
  if (places & TRACE_EXPORTED)
    export_sent(note, &message);
  if (!(places & ~TRACE_EXPORTED))
    return;
  put_note(tracer_begin("sent"), note, &message);
  tracer_end(places);
}

void sent_tell_frame(struct sent_note note, const struct frame *frame) {
  note.text = nothing;
  if (frame_opcode(frame) == FRAME_TEXT)
    note.text.at = (const char *)frame_payload(frame, &note.text.len);
  sent_tell(&note);
}

void sent_tell_refusal(const struct refused_note *note) {
  struct slice user = {note->user ? note->user : "",
                       note->user ? strlen(note->user) : 0};
  uint32_t places = tracer_match(TRACE_USER, user);
  if (!places)
    return;
  struct buf *out = tracer_begin("refused");
  buf_printf(out, ",\"conn\":%llu", (unsigned long long)note->conn);
  tracer_text(out, "user", note->user);
  tracer_text(out, "code", note->code);
  tracer_text(out, "text", note->text);
  tracer_end(places);
}
