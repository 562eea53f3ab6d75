/* SPDX-License-Identifier: MIT
 * From a text to a handler. */
#include "protocol/router.h"

#include "base/log.h"
#include "base/utf8.h"
#include "config/config.h"
#include "protocol/admit.h"
#include "protocol/answer.h"
#include "protocol/auth.h"
#include "protocol/envelope.h"
#include "protocol/heartbeat.h"
#include "protocol/history.h"
#include "protocol/hold.h"
#include "protocol/inbox.h"
#include "protocol/raw.h"
#include "protocol/resume.h"
#include "protocol/rooms.h"
#include "trace/span.h"

#include "wire/json.h"
#include <math.h>

/* A client is far past its rates when so many times as much is refused of it,
 * these at least; then it is not read for so long at most, so that its end is
 * noticed. */
enum {
  FLOOD_TIMES = 4,
  FLOOD_PER_S = 50,
  FLOOD_BURST = 100,
  FLOOD_PAUSE_MS = 1000
};

typedef void builtin_fn(struct conn *conn, const struct envelope *env);

struct builtin {
  const char *type;
  builtin_fn *handle;
  bool before_auth; /* open to a connection that has not logged in */
};

static void on_json_ping(struct conn *conn, const struct envelope *env) {
  if (env->id.kind != MSG_ID_NONE || conn->keeps)
    answer_pong(conn, &env->id);
  else /* full: it is closed */
    (void)conn_send_control(conn, protocol_of(conn)->pong);
}

static void on_json_pong(struct conn *conn, const struct envelope *env) {
  client_of(conn)->says_pong = true;
  resume_pong(conn, env);
}

/* A new one is reserved in lua/perigee/message_type.lua, too: else a script
 * could have it. */
static const struct builtin builtins[] = {
    {"ping", on_json_ping, true},  {"pong", on_json_pong, true},
    {"auth", auth_message, true},  {"join", rooms_join, false},
    {"leave", rooms_leave, false}, {"history", history_message, false},
};

static const struct builtin *find_builtin(const char *type) {
  for (size_t i = 0; i < ARRAY_SIZE(builtins); i++)
    if (!strcmp(builtins[i].type, type))
      return &builtins[i];
  return NULL;
}

size_t router_message_limit(const struct conn *conn) {
  const struct config *config = protocol_of(conn)->config;
  size_t limit = config->limits_message_bytes;
  size_t early = config->auth_token_bytes + AUTH_ENVELOPE_BYTES;
  bool is_early = conn->state == CONN_NEW && !conn->raw && limit > early;
  return is_early ? early : limit;
}

/* Takes the message from the connection's buckets; 0, or the milliseconds
 * until there is room for it again. */
static uint32_t take_rates(struct conn *conn, size_t len) {
  struct client *client = client_of(conn);
  const struct config *config = protocol_of(conn)->config;
  uint64_t now = uv_now(protocol_of(conn)->loop);
  double bytes = (double)config->limits_bytes_per_s;
  if (client->is_service)
    return 0;
  uint32_t wait =
      bucket_take(&client->messages, (double)config->limits_messages_per_s,
                  (double)config->limits_burst, 1, now);
  if (wait)
    return wait;
  return bucket_take(&client->bytes, bytes, bytes, (double)len, now);
}

static void refuse_text(struct conn *conn, const char *text, size_t len,
                        const struct envelope *env, int err, const char *why) {
  if (err == ERR_BAD_JSON && !utf8_valid(text, len)) {
    conn_close(conn, CLOSE_BAD_PROTOCOL, NULL);
    return;
  }
  answer_error(conn, &env->id, (enum err)err, why);
  answer_mistake(conn);
}

static struct call_arg data_arg(const struct handler *handler,
                                const struct envelope *env) {
  if (!env->data)
    return (struct call_arg){.kind = CALL_NIL};
  return (struct call_arg){handler->view ? CALL_VIEW : CALL_JSON, env->data,
                           env->data_len};
}

static void run_handler(struct conn *conn, struct generation *live,
                        const struct handler *handler,
                        const struct envelope *env) {
  struct call_spec spec = {
      .handler = handler,
      .conn = conn,
      .id = env->id,
      .args = {{.kind = CALL_CLIENT}, data_arg(handler, env)},
      .nargs = 2,
      .look = env->data_look,
      .gated = true,
      .results = env->id.kind != MSG_ID_NONE,
      .done = answer_call,
      .span = span_current(),
  };
  call_run(live, &spec);
}

static bool is_logged_in(const struct conn *conn) {
  return conn_is_let_in(conn) || (conn->peer_closed && conn->user);
}

static void dispatch_untraced(struct conn *conn, const struct envelope *env) {
  struct generation *live = protocol_of(conn)->host.live;
  bool logged_in = is_logged_in(conn);
  if (logged_in) {
    const struct handler *handler =
        generation_handler(live, env->type, env->type_len);
    if (handler) {
      if (admit_message(conn, handler, env))
        run_handler(conn, live, handler, env);
      return;
    }
  }
  const struct builtin *builtin = find_builtin(env->type);
  if (!logged_in && !(builtin && builtin->before_auth)) {
    answer_error(conn, &env->id, ERR_UNAUTHENTICATED, NULL);
    answer_mistake(conn);
  } else if (builtin) {
    builtin->handle(conn, env);
  } else {
    answer_unknown_type(conn, &env->id, env->type);
  }
}

/* Its own, or else that of the handshake. */
static struct slice traceparent_of(const struct conn *conn,
                                   const struct envelope *env) {
  struct traceparent parent;
  bool has_own = traceparent_read(env->traceparent, &parent);
  return has_own ? env->traceparent : conn_traceparent(conn);
}

/* A span of its own, which ends here unless a handler has it. */
static void dispatch_traced(struct conn *conn, const struct envelope *env,
                            bool drawn) {
  struct span_start start = {
      .kind = SPAN_MESSAGE,
      .conn = conn->id,
      .user = conn_user_id(conn),
      .type = env->type,
      .id = &env->id,
      .traceparent = traceparent_of(conn, env),
      .drawn = drawn,
      .data = {env->data ? env->data : "", env->data_len}};
  struct span *span = span_begin(&start), *before = span_enter(span);
  dispatch_untraced(conn, env);
  if (!span_is_taken(span))
    span_end(span, &(struct span_result){.verdict = "ok", .reply = {"", 0}});
  (void)span_enter(before);
  span_release(span);
}

/* A token is nobody's business, also where a trace is on. */
static bool is_secret(const struct envelope *env) {
  return !strcmp(env->type, "auth");
}

static void dispatch_message(struct conn *conn, const struct envelope *env) {
  bool drawn = trace_draws();
  bool is_part = env->traceparent.len > 0 || conn->is_part;
  if ((trace_is_on() || drawn || is_part) && !is_secret(env))
    dispatch_traced(conn, env, drawn);
  else
    dispatch_untraced(conn, env);
}

/* A handler of it waits, messages that came before do, scripts have yet to hear
 * that it is back, or it is the turn of others. */
static bool must_queue(const struct conn *conn) {
  return conn_is_busy(conn) || client_of(conn)->inbox ||
         client_of(conn)->news ||
         turn_share_used(&protocol_of(conn)->host.turn, conn);
}

static bool never_waits(const struct envelope *env) {
  return !strcmp(env->type, "ping") || !strcmp(env->type, "pong");
}

/* A session counts what came, whatever becomes of it, but for the messages that
 * keep the connection itself going. */
static void count_message(struct conn *conn, const struct envelope *env,
                          bool is_envelope) {
  bool control =
      is_envelope && (never_waits(env) || !strcmp(env->type, "auth"));
  conn->replay->received += !control;
}

/* There is no error that could be sent, and to leave out a message would break
 * what is spoken: too many end the connection. */
static void take_raw(struct conn *conn, const char *data, size_t len,
                     bool is_binary, bool too_many) {
  if (too_many) {
    conn->owner->stats->messages_refused++;
    conn->owner->stats->rate_limited++;
    conn_close(conn, CLOSE_TOO_MANY_ERRORS, "rate_limited");
  } else if (must_queue(conn)) {
    inbox_push(conn, data, len, is_binary);
  } else {
    raw_message(conn, data, len, is_binary);
  }
}

static void take_text_message(struct conn *conn, const char *text, size_t len,
                              uint32_t wait) {
  struct envelope env;
  const char *why = NULL;
  int err = envelope_parse(text, len, &env, &why);
  if (conn->counts)
    count_message(conn, &env, !err);
  if (wait)
    answer_rate_limited(conn, &env.id, wait, NULL);
  else if (err)
    refuse_text(conn, text, len, &env, err, why);
  else if (must_queue(conn) && !never_waits(&env))
    inbox_push(conn, text, len, false);
  else
    dispatch_message(conn, &env);
}

/* One who is a little past its rates learns that at once, for each message. Who
 * goes on at some times that speed is read again when there is room: what it
 * sends waits at its side. */
static void slow_down(struct conn *conn, size_t len, uint32_t wait) {
  struct client *client = client_of(conn);
  const struct config *config = protocol_of(conn)->config;
  uint64_t now = uv_now(protocol_of(conn)->loop);
  double times = FLOOD_TIMES,
         bytes = times * (double)config->limits_bytes_per_s;
  double rate = times * (double)config->limits_messages_per_s;
  double burst = times * (double)config->limits_burst;
  bool flood =
      bucket_take(&client->refused, fmax(rate, FLOOD_PER_S),
                  fmax(burst, FLOOD_BURST), 1, now) ||
      bucket_take(&client->refused_bytes, bytes, bytes, (double)len, now);
  if (!flood || !conn_is_open(conn))
    return;
  if (!client->resume_ms) {
    conn->owner->stats->reads_paused++;
    log_debug("conn=%llu user=%s is past its rates and not read for a while",
              (unsigned long long)conn->id, conn_user_name(conn));
  }
  client->resume_ms = now + (wait < FLOOD_PAUSE_MS ? wait : FLOOD_PAUSE_MS);
  hold_set(conn, HOLD_RATE);
  heartbeat_arm(conn);
}

void router_message(struct conn *conn, const char *text, size_t len,
                    bool is_binary) {
  struct stats *stats = conn->owner->stats;
  stats->messages_in++;
  stats->bytes_in += len;
  uint32_t wait = take_rates(conn, len);
  if (conn->raw)
    take_raw(conn, text, len, is_binary, wait > 0);
  else
    take_text_message(conn, text, len, wait);
  if (wait)
    slow_down(conn, len, wait);
}

bool router_control(struct conn *conn, size_t len) {
  uint32_t wait = take_rates(conn, len);
  if (!wait)
    return true;
  conn->owner->stats->rate_limited++;
  answer_mistake(conn);
  slow_down(conn, len, wait);
  return false;
}

void router_message_late(struct conn *conn, const char *text, size_t len,
                         bool is_binary) {
  struct envelope env;
  const char *why;
  if (!conn_is_open(conn) && !conn->peer_closed)
    return;
  if (conn->raw)
    raw_message(conn, text, len, is_binary);
  else if (!envelope_parse(text, len, &env,
                           &why)) /* it was good when it came */
    dispatch_message(conn, &env);
}
