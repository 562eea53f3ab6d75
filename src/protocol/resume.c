/* SPDX-License-Identifier: MIT
 * Sessions of clients. */
#include "protocol/resume.h"

#include "auth/base64url.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "protocol/client.h"
#include "protocol/field.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* The number of a connection, and the secret. */
enum {
  ID_BYTES = sizeof(uint64_t) + REPLAY_SECRET_BYTES,
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

void resume_read(struct conn *conn, const struct envelope *env) {
  const char *text;
  size_t len;
  if (conn->replay || protocol_of(conn)->config->session_keep_s <= 0 ||
      !field_find(env, "session", &text, &len) || *text != '{')
    return;
  struct envelope wish = {.data = text, .data_len = len};
  conn_count(conn);
  conn->replay->resumes = field_find(&wish, "id", &text, &len);
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
  buf_puts(member, replay->resumes ? ",\"resumed\":false}" : "}");
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
