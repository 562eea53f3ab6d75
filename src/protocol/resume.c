/* SPDX-License-Identifier: MIT
 * Sessions of clients. */
#include "protocol/resume.h"

#include "auth/base64url.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "protocol/answer.h"
#include "protocol/auth.h"
#include "protocol/away.h"
#include "protocol/client.h"
#include "protocol/field.h"
#include "protocol/heartbeat.h"
#include "protocol/inbox.h"
#include "protocol/move.h"
#include "protocol/recover.h"
#include "protocol/session.h"

#include <openssl/crypto.h>
#include <string.h>
#include <sys/random.h>

/* The number of a connection, and the secret. */
enum {
  ID_BYTES = sizeof(uint64_t) + REPLAY_SECRET_BYTES,
  ID_DIGITS = ID_BYTES / 3 * 4,
  COUNT_DIGITS = 19, /* of what fits into an int64_t for sure: 18 */
};

/* A member that is a count: digits only. False if it is none. */
static bool read_count(const struct envelope *env, const char *key,
                       uint64_t *count) {
  const char *text;
  size_t len;
  if (!field_find(env, key, &text, &len) || len >= COUNT_DIGITS)
    return false;
  *count = 0;
  for (size_t i = 0; i < len; i++) {
    if (text[i] < '0' || text[i] > '9')
      return false;
    *count = *count * 10 + (uint64_t)(text[i] - '0');
  }
  return true;
}

/* --- asked for ---------------------------------------------------------- */

/* The session that a client had. */
struct wish {
  bool whole; /* it is one that there could be */
  uint64_t conn;
  unsigned char secret[REPLAY_SECRET_BYTES];
  uint64_t received;
  struct msg_id id; /* of the message that is to be answered */
};

static struct wish *wish_of(const struct conn *conn) {
  return conn->replay ? conn->replay->wish : NULL;
}

static bool read_session_id(const char *text, size_t len, struct wish *wish) {
  unsigned char id[ID_BYTES];
  if (len != ID_DIGITS + 2 || *text != '"' ||
      base64url_decode(text + 1, ID_DIGITS, id) != ID_BYTES)
    return false;
  memcpy(&wish->conn, id, sizeof wish->conn);
  memcpy(wish->secret, id + sizeof wish->conn, sizeof wish->secret);
  return true;
}

void resume_read(struct conn *conn, const struct envelope *env) {
  const char *text;
  size_t len;
  if (conn->replay || protocol_of(conn)->config->session_keep_s <= 0 ||
      !field_find(env, "session", &text, &len) || *text != '{')
    return;
  struct envelope session = {.data = text, .data_len = len};
  conn_count(conn);
  if (!field_find(&session, "id", &text, &len))
    return;
  struct wish *wish = mem_alloc(sizeof *wish);
  wish->whole = read_session_id(text, len, wish) &&
                read_count(&session, "received", &wish->received);
  conn->replay->wish = wish;
}

bool resume_is_wanted(const struct conn *conn) {
  return wish_of(conn) != NULL;
}

static void put_session(const struct conn *conn, struct buf *out) {
  const struct replay *replay = conn->replay;
  unsigned char id[ID_BYTES];
  memcpy(id, &conn->id, sizeof conn->id);
  memcpy(id + sizeof conn->id, replay->secret, sizeof replay->secret);
  double keep_s = protocol_of(conn)->config->session_keep_s;
  buf_puts(out, ",\"session\":{\"id\":\"");
  base64url_put(out, id, sizeof id);
  buf_printf(out, "\",\"keep_ms\":%.0f", keep_s * 1000.0);
}

/* Without random bytes there are no sessions: nobody may guess one. */
void resume_begin(struct conn *conn, struct buf *member) {
  struct replay *replay = conn->replay;
  if (!replay || conn->keeps ||
      getrandom(replay->secret, sizeof replay->secret, 0) !=
          (ssize_t)sizeof replay->secret)
    return;
  conn_keep(conn);
  put_session(conn, member);
  buf_puts(member, replay->wish ? ",\"resumed\":false}" : "}");
  mem_free(replay->wish);
  replay->wish = NULL;
}

/* --- the session of before ---------------------------------------------- */

/* What a client with this wish cannot go on with. */
enum refusal { RESUME_UNKNOWN, RESUME_FOREIGN, RESUME_MISSING };

static void count_refusal(struct conn *conn, enum refusal why) {
  static const char *const words[] = {"unknown", "foreign", "missing"};
  struct stats *stats = conn->owner->stats;
  uint64_t *const counters[] = {&stats->resume_unknown, &stats->resume_foreign,
                                &stats->resume_missing};
  *counters[why] += 1;
  log_info("conn=%llu user=%s does not resume a session: %s",
           (unsigned long long)conn->id, conn_user_name(conn), words[why]);
}

void resume_start(struct conn *conn, const struct msg_id *id) {
  wish_of(conn)->id = *id;
  session_await_resume(conn);
}

/* It begins a new session in the same round trip. */
static void begin_anew(struct conn *conn) {
  struct msg_id id = wish_of(conn)->id;
  session_not_resumed(conn);
  if (conn_is_open(conn))
    auth_accepted(conn, &id);
  if (conn_is_open(conn))
    session_go_on(conn);
}

/* Nobody can go on with it any more. */
static void end_useless(struct conn *conn) {
  if (conn->state == CONN_AWAY)
    away_lose(conn);
  else
    conn_close(conn, CLOSE_REPLACED, NULL);
}

/* The connection that has the session; or NULL, and why not. A client that has
 * said to have more already does not ask for this: its words come late, from a
 * socket that it has given up. They must not end what it goes on with. */
static struct conn *find_session(const struct conn *conn, enum refusal *why) {
  const struct wish *wish = wish_of(conn);
  struct conn *old = manager_conn(manager_of(conn), wish->conn);
  *why = RESUME_UNKNOWN;
  if (!wish->whole || !old || !old->keeps || !conn_is_let_in(old) ||
      CRYPTO_memcmp(old->replay->secret, wish->secret, sizeof wish->secret))
    return NULL;
  *why = RESUME_FOREIGN;
  if (strcmp(old->user->id, conn->claimant) != 0)
    return NULL;
  *why = RESUME_MISSING;
  if (replay_has_after(old->replay, wish->received))
    return old;
  if (wish->received >= old->replay->acked)
    end_useless(old);
  return NULL;
}

/* The socket that it had may look alive still, as nobody has told. If it is the
 * one that lives, and this one came late, its client shall come back: so the
 * code is not a final one. */
static void free_old(struct conn *old) {
  if (old->state == CONN_READY)
    old->io->part(old, CLOSE_RECONNECT,
                  frame_new_close(CLOSE_RECONNECT, "resumed"));
}

static void swap_texts(char **a, char **b) {
  char *text = *a;
  *a = *b;
  *b = text;
}

/* What its new token and its new handshake say. */
static void take_identity(struct conn *old, struct conn *conn) {
  // NOLINTNEXTLINE(readability-suspicious-call-argument): `old` is what goes on
  manager_unpark(manager_of(old), old, conn);
  swap_texts(&old->claims, &conn->claims);
  swap_texts(&old->headers, &conn->headers);
  conn_set_traceparent_take(old, conn->traceparent);
  conn->traceparent = NULL;
  conn->is_part = false;
  client_of(old)->expires_s = client_of(conn)->expires_s;
  client_of(old)->is_service = client_of(conn)->is_service;
  client_of(old)->probe_ms = 0;
  session_forget_fields(old);
}

static void tell_resumed(struct conn *old, const struct msg_id *id) {
  struct buf member = {0};
  put_session(old, &member);
  buf_printf(&member, ",\"resumed\":true,\"received\":%llu}",
             (unsigned long long)old->replay->received);
  answer_auth_ok(old, id, &member);
  buf_free(&member);
}

static void log_resumed(const struct conn *old, const struct conn *conn,
                        bool was_away) {
  uint64_t away_ms =
      was_away ? uv_now(old->owner->loop) - old->replay->away->since_ms : 0;
  log_info("conn=%llu user=%s ip=%s resumed on the socket of conn=%llu, away "
           "for %.1f s, %u messages sent again",
           (unsigned long long)old->id, conn_user_name(old), old->address->text,
           (unsigned long long)conn->id, (double)away_ms / 1000.0,
           old->replay->kept.count);
}

/* The order: what waited in the queue of the new connection, auth_ok, what the
 * client has missed; from then on what is sent. And of the client what it had
 * sent before, then what stood behind its `auth`. */
static void go_on(struct conn *old, struct conn *conn) {
  const struct wish *wish = wish_of(conn);
  bool was_away = old->state == CONN_AWAY;
  free_old(old);
  take_identity(old, conn);
  conn_acked(old, wish->received);
  log_resumed(old, conn, was_away);
  conn->io->hand_over(conn, old);
  conn_back(old);
  manager_tell_changed(old);
  tell_resumed(old, &wish->id);
  conn_replay(old);
  old->owner->stats->replayed += old->replay->kept.count;
  old->owner->stats->sessions_resumed++;
  old->replay->received += conn->replay->received;
  inbox_move(conn, old);
  conn_vanish(conn);
  old->io->pause(old, client_of(old)->held != 0);
  heartbeat_arm(old);
  away_end(old);
  recover_go_on(old);
}

/* The worker that has the session, as connections are numbered. */
static int worker_of(const struct conn *conn) {
  const struct manager *manager = manager_of(conn);
  const struct wish *wish = wish_of(conn);
  if (!manager->bus || !wish->whole || wish->conn == 0)
    return manager->worker;
  return (int)((wish->conn - 1) % (uint64_t)manager->bus->workers);
}

/* Whether its user has that connection at another worker. Anybody may name any
 * number; his socket stays where it is. */
static bool is_elsewhere(const struct conn *conn, int worker) {
  const struct manager *manager = manager_of(conn);
  return worker != manager->worker &&
         whereabouts_has(manager->bus->whereabouts, conn->claimant,
                         strlen(conn->claimant), wish_of(conn)->conn);
}

void resume_decide(struct conn *conn) {
  enum refusal why;
  if (!conn_is_open(conn) || !conn->transport.watch.ready)
    return; /* it has just ended */
  int worker = worker_of(conn);
  if (is_elsewhere(conn, worker) && move_to_worker(conn, worker))
    return;
  struct conn *old = find_session(conn, &why);
  if (old) {
    go_on(old, conn);
    return;
  }
  count_refusal(conn, why);
  begin_anew(conn);
}

/* --- counts ------------------------------------------------------------- */

void resume_put_received(const struct conn *conn, struct buf *out) {
  if (conn->keeps)
    buf_printf(out, ",\"data\":{\"received\":%llu}",
               (unsigned long long)conn->replay->received);
}

/* Not in protocol->out: this may come in the middle of what is written there.
 */
void resume_ask(struct conn *conn) {
  struct buf text = {0};
  buf_puts(&text, "{\"type\":\"ping\"");
  resume_put_received(conn, &text);
  buf_putc(&text, '}');
  struct frame *frame = frame_new(FRAME_TEXT, text.data, text.len);
  (void)conn_send_control(conn, frame); /* a full queue closes it */
  frame_unref(frame);
  buf_free(&text);
}

void resume_pong(struct conn *conn, const struct envelope *env) {
  uint64_t count;
  if (conn->keeps && read_count(env, "received", &count))
    conn_acked(conn, count);
}
