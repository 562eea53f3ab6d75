/* SPDX-License-Identifier: MIT
 * Replies and errors. */
#include "protocol/answer.h"

#include "base/log.h"
#include "config/config.h"
#include "hub/late.h"
#include "protocol/client.h"
#include "protocol/resume.h"
#include "script/message.h"
#include "trace/sent.h"
#include "trace/span.h"
#include "wire/json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
  OUT_KEEP = 64 * 1024,
  RATE_TOLD_EVERY_MS = 1000,
  ERRORS_BURST = 20, /* so many at once, and then … */
  ERRORS_PER_S = 4,  /* … so many a second */
};

/* What an error says beside its code. */
struct detail {
  const char *text, *ref; /* ref: NULL if none */
  const char *type;       /* whose rate it is; NULL: not said */
  struct call_arg data;   /* JSON of the script's own; len 0: none */
  bool retry;
  uint32_t retry_after_ms; /* 0: not known */
};

struct buf *answer_begin(struct conn *conn, const char *type,
                         const struct msg_id *id) {
  struct buf *out = &protocol_of(conn)->out;
  buf_reset(out, OUT_KEEP);
  buf_puts(out, "{\"type\":\"");
  buf_puts(out, type);
  buf_putc(out, '"');
  if (id->kind != MSG_ID_NONE) {
    buf_puts(out, ",\"id\":");
    msg_id_put(out, id);
  }
  return out;
}

/* Closed, or closed for its full queue: there is nobody to tell. */
void answer_send(struct conn *conn) {
  const struct buf *out = &protocol_of(conn)->out;
  struct frame *frame = frame_new(FRAME_TEXT, out->data, out->len);
  if (protocol_of(conn)->in_turn)
    (void)late_send(conn, frame);
  else
    (void)conn_send(conn, frame);
  frame_unref(frame);
}

void answer_send_control(struct conn *conn) {
  const struct buf *out = &protocol_of(conn)->out;
  struct frame *frame = frame_new(FRAME_TEXT, out->data, out->len);
  (void)conn_send_control(conn, frame);
  frame_unref(frame);
}

/* Whether there is room for it in an empty queue; else that is logged. */
static bool reply_fits(const struct conn *conn, const char *what, size_t len) {
  bool fits = len + FRAME_HEADER_BYTES <= conn->owner->queue_bytes;
  if (!fits)
    log_warn("conn=%llu user=%s %s of %zu bytes is over limits.queue_bytes",
             (unsigned long long)conn->id, conn_user_name(conn), what, len);
  return fits;
}

void answer_reply(struct conn *conn, const struct msg_id *id, const char *json,
                  size_t len) {
  if (id->kind == MSG_ID_NONE)
    return;
  struct buf *out = &protocol_of(conn)->out;
  buf_reset(out, OUT_KEEP);
  buf_puts(out, "{\"type\":\"reply\",\"id\":");
  msg_id_put(out, id);
  buf_puts(out, ",\"data\":");
  if (len > 0)
    buf_put(out, json, len);
  else
    buf_puts(out, "null");
  buf_putc(out, '}');
  if (reply_fits(conn, "a reply", out->len))
    answer_send(conn);
  else
    answer_error(conn, id, ERR_TOO_LARGE, "the reply is too large");
}

void answer_membership(struct conn *conn, const char *type, const char *room,
                       const char *json, size_t len) {
  struct buf *out = &protocol_of(conn)->out;
  if (conn->raw)
    return;
  buf_reset(out, OUT_KEEP);
  message_room_begin(out, type, room, strlen(room));
  size_t room_end = out->len;
  if (len > 0) {
    buf_puts(out, ",\"data\":");
    buf_put(out, json, len);
  }
  if (!reply_fits(conn, "what @join returned", out->len + 1))
    out->len = room_end; /* the client is told without it */
  buf_putc(out, '}');
  answer_send(conn);
}

void answer_pong(struct conn *conn, const struct msg_id *id) {
  struct buf *out = answer_begin(conn, "pong", id);
  resume_put_received(conn, out);
  buf_putc(out, '}');
  answer_send_control(conn);
}

/* An integer: to write a double takes four times as long. */
static int64_t whole_ms(double seconds) {
  return (int64_t)(seconds * 1000.0 + 0.5);
}

/* Without printf, as all of it: each connection is answered this. */
static void put_figure(struct buf *out, const char *key, int64_t value) {
  buf_puts(out, key);
  json_put_int(out, value);
}

static void put_rate_limits(struct buf *out, const struct config *config,
                            bool service) {
  put_figure(out, ",\"limits\":{\"messages_per_s\":",
             service ? 0 : (int64_t)config->limits_messages_per_s);
  put_figure(out, ",\"burst\":", (int64_t)config->limits_burst);
  put_figure(out, ",\"bytes_per_s\":",
             service ? 0 : (int64_t)config->limits_bytes_per_s);
  put_figure(out, ",\"rooms\":", (int64_t)config->limits_rooms_per_connection);
  buf_putc(out, '}');
}

void answer_auth_ok(struct conn *conn, const struct msg_id *id,
                    const struct buf *more) {
  const struct config *config = protocol_of(conn)->config;
  int64_t expires_s = client_of(conn)->expires_s;
  struct buf *out = answer_begin(conn, "auth_ok", id);
  buf_puts(out, ",\"data\":{\"user\":");
  json_put_string(out, conn->user->id, strlen(conn->user->id));
  put_figure(out, ",\"conn\":", (int64_t)conn->id);
  put_figure(out, ",\"ping_ms\":", whole_ms(config->heartbeat_interval_s));
  put_figure(out, ",\"pong_ms\":", whole_ms(config->heartbeat_timeout_s));
  if (expires_s) {
    int64_t ttl = expires_s - time(NULL);
    put_figure(out, ",\"ttl\":", ttl > 0 ? ttl : 0);
  }
  put_figure(out, ",\"max_message\":", (int64_t)config->limits_message_bytes);
  put_rate_limits(out, config, client_of(conn)->is_service);
  buf_puts(out, ",\"proto\":1");
  buf_put(out, more->data, more->len);
  buf_puts(out, "}}");
  answer_send_control(conn);
}

void answer_put_code(struct buf *out, const char *code, const char *text,
                     struct call_arg data) {
  buf_puts(out, ",\"data\":{\"code\":");
  json_put_string(out, code, strlen(code));
  buf_puts(out, ",\"message\":");
  json_put_string(out, text, strlen(text));
  if (data.len > 0) {
    buf_puts(out, ",\"data\":");
    buf_put(out, data.text, data.len);
  }
}

static void write_error(struct conn *conn, const struct msg_id *id,
                        const char *code, const struct detail *detail) {
  struct buf *out = answer_begin(conn, "error", id);
  answer_put_code(out, code, detail->text, detail->data);
  buf_puts(out, detail->retry ? ",\"retry\":true" : ",\"retry\":false");
  if (detail->retry_after_ms)
    buf_printf(out, ",\"retry_after_ms\":%u", detail->retry_after_ms);
  if (detail->ref)
    buf_printf(out, ",\"ref\":\"%s\"", detail->ref);
  if (detail->type)
    buf_printf(out, ",\"type\":\"%s\"", detail->type);
  buf_puts(out, "}}");
}

static void send_error(struct conn *conn, const struct msg_id *id,
                       const char *code, struct detail detail) {
  write_error(conn, id, code, &detail);
  if (detail.data.len > 0 &&
      !reply_fits(conn, "an error", protocol_of(conn)->out.len)) {
    detail.data.len = 0;
    write_error(conn, id, code, &detail);
  }
  answer_send(conn);
}

static void trace_refusal(const struct conn *conn, const char *code,
                          const char *text) {
  struct refused_note note = {
      .conn = conn->id, .user = conn_user_id(conn), .code = code, .text = text};
  if (!span_note_refusal(code, text))
    sent_tell_refusal(&note);
}

/* Counts the message that is refused, and tells its sender if it wants an
 * answer. Who develops is told in any case, by the log, too: a message that
 * just has no effect is hard to find. */
static void tell_error(struct conn *conn, const struct msg_id *id,
                       const char *handler, const char *code,
                       struct detail detail) {
  bool development = protocol_of(conn)->host.development;
  conn->owner->stats->messages_refused++;
  if (trace_is_told())
    trace_refusal(conn, code, detail.text);
  log_at(development ? LOG_INFO : LOG_DEBUG,
         "conn=%llu user=%s refused handler=%s code=%s %s",
         (unsigned long long)conn->id, conn_user_name(conn), handler, code,
         detail.text);
  if (id->kind != MSG_ID_NONE || development)
    send_error(conn, id, code, detail);
}

void answer_mistake(struct conn *conn) {
  uint64_t now = uv_now(protocol_of(conn)->loop);
  if (bucket_take(&client_of(conn)->errors, ERRORS_PER_S, ERRORS_BURST, 1, now))
    conn_close(conn, CLOSE_TOO_MANY_ERRORS, NULL);
}

void answer_error(struct conn *conn, const struct msg_id *id, enum err err,
                  const char *text) {
  struct detail detail = {.text = text ? text : err_text(err),
                          .retry = err_retry(err)};
  tell_error(conn, id, "-", err_name(err), detail);
}

void answer_unknown_type(struct conn *conn, const struct msg_id *id,
                         const char *type) {
  char text[128];
  snprintf(text, sizeof text, "no handler for message type '%s'", type);
  answer_error(conn, id, ERR_UNKNOWN_TYPE, text);
}

void answer_try_later(struct conn *conn, uint32_t retry_after_ms) {
  const struct msg_id none = {.kind = MSG_ID_NONE};
  struct detail detail = {.text = err_text(ERR_TRY_LATER),
                          .retry = true,
                          .retry_after_ms = retry_after_ms};
  if (!conn->raw)
    send_error(conn, &none, err_name(ERR_TRY_LATER), detail);
  conn_close(conn, CLOSE_TRY_LATER, NULL);
}

void answer_rate_limited(struct conn *conn, const struct msg_id *id,
                         uint32_t retry_after_ms, const char *type) {
  struct client *client = client_of(conn);
  uint64_t now = uv_now(protocol_of(conn)->loop);
  struct detail detail = {.text = err_text(ERR_RATE_LIMITED),
                          .type = type,
                          .retry = true,
                          .retry_after_ms = retry_after_ms};
  conn->owner->stats->messages_refused++;
  conn->owner->stats->rate_limited++;
  if (trace_is_told())
    trace_refusal(conn, err_name(ERR_RATE_LIMITED), detail.text);
  if (id->kind == MSG_ID_NONE) {
    if (client->rate_told_ms && now - client->rate_told_ms < RATE_TOLD_EVERY_MS)
      return;
    client->rate_told_ms = now;
  }
  log_debug("conn=%llu user=%s refused code=%s", (unsigned long long)conn->id,
            conn_user_name(conn), err_name(ERR_RATE_LIMITED));
  send_error(conn, id, err_name(ERR_RATE_LIMITED), detail);
}

void answer_failure(const struct call_spec *spec,
                    const struct call_result *result) {
  const char *code = result->code;
  struct detail detail = {.text = result->text, .data = result->value[0]};
  if (result->verdict == CALL_REFUSED)
    detail.retry = err_code_retry(code);
  if (result->verdict == CALL_FAILED) {
    code = err_name(result->err);
    detail = (struct detail){.text = err_text(result->err),
                             .ref = result->ref,
                             .retry = err_retry(result->err)};
  }
  tell_error(spec->conn, &spec->id, spec->handler->name, code, detail);
}

void answer_call(const struct call_spec *spec,
                 const struct call_result *result) {
  struct protocol *protocol = protocol_of(spec->conn);
  protocol->in_turn = true; /* behind what the handler has sent */
  if (result->verdict == CALL_OK)
    answer_reply(spec->conn, &spec->id, result->value[0].text,
                 result->value[0].len);
  else
    answer_failure(spec, result);
  protocol->in_turn = false;
}
