/* SPDX-License-Identifier: MIT
 * What the clients of the generator say, and what they hear. */
#include "load/dialect.h"

#include "base/attr.h"
#include "wire/json.h"

#include <string.h>

enum { RAW_DIGITS = 8 };

void dialect_put_name(struct buf *out, unsigned number) {
  char digits[16];
  size_t at = sizeof digits;
  number++;
  do
    digits[--at] = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  buf_put(out, "bench-", 6);
  buf_put(out, digits + at, sizeof digits - at);
}

void dialect_put_hex(struct buf *out, uint64_t value, int digits) {
  static const char hex[] = "0123456789abcdef";
  char *at = buf_reserve(out, (size_t)digits);
  for (int i = digits; i-- > 0; value >>= 4)
    at[i] = hex[value & 15];
  out->len += (size_t)digits;
}

static void put_id(struct buf *out, uint64_t id) {
  if (id == 0)
    return;
  buf_puts(out, "\"id\":");
  json_put_int(out, (int64_t)id);
  buf_putc(out, ',');
}

/* "bench-1" after `before`, in which its key stands, and then `data`. */
static void put_named_data(struct buf *out, const char *before, unsigned number,
                           const struct buf *data) {
  buf_puts(out, before);
  dialect_put_name(out, number);
  buf_puts(out, "\",\"data\":");
  buf_put(out, data->data, data->len);
}

/* --- json --------------------------------------------------------------- */

static void auth_in_json(struct buf *out, unsigned user, const char *token) {
  (void)user;
  buf_puts(out, "{\"type\":\"auth\",\"data\":{\"token\":");
  json_put_string(out, token, strlen(token));
  buf_puts(out, "}}");
}

static void join_in_json(struct buf *out, unsigned room) {
  buf_puts(out, "{\"type\":\"join\",\"id\":1,\"data\":{\"room\":\"");
  dialect_put_name(out, room);
  buf_puts(out, "\"}}");
}

static void pong_in_json(struct buf *out, uint64_t received) {
  (void)received;
  buf_puts(out, "{\"type\":\"pong\"}");
}

static void auth_in_session(struct buf *out, unsigned user, const char *token) {
  (void)user;
  buf_puts(out, "{\"type\":\"auth\",\"data\":{\"session\":{},\"token\":");
  json_put_string(out, token, strlen(token));
  buf_puts(out, "}}");
}

static void pong_in_session(struct buf *out, uint64_t received) {
  buf_printf(out, "{\"type\":\"pong\",\"data\":{\"received\":%llu}}",
             (unsigned long long)received);
}

static void echo_in_json(struct buf *out, const struct utterance *said) {
  buf_puts(out, "{\"type\":\"");
  buf_puts(out, said->type);
  buf_puts(out, "\",");
  put_id(out, said->id);
  buf_puts(out, "\"data\":");
  buf_put(out, said->data->data, said->data->len);
  buf_putc(out, '}');
}

static void room_in_json(struct buf *out, const struct utterance *said) {
  buf_puts(out, "{\"type\":\"bench.room\",");
  put_id(out, said->id);
  put_named_data(out, "\"data\":{\"room\":\"", said->to, said->data);
  buf_puts(out, "}}");
}

static void user_in_json(struct buf *out, const struct utterance *said) {
  buf_puts(out, "{\"type\":\"bench.user\",");
  put_id(out, said->id);
  put_named_data(out, "\"data\":{\"to\":\"", said->to, said->data);
  buf_puts(out, "}}");
}

static int hear_json(const char *text, size_t len, struct envelope *out) {
  return envelope_parse(text, len, out, NULL);
}

/* --- raw: a letter, perhaps a number, and what the receivers get --------- */

static void raw_put_head(struct buf *out, char letter, unsigned number) {
  buf_putc(out, letter);
  dialect_put_hex(out, number, RAW_DIGITS);
}

static void auth_in_raw(struct buf *out, unsigned user, const char *token) {
  (void)token;
  raw_put_head(out, 'A', user);
  buf_puts(out, "{\"type\":\"auth_ok\"}");
}

static void join_in_raw(struct buf *out, unsigned room) {
  raw_put_head(out, 'J', room);
  buf_puts(out, "{\"type\":\"reply\",\"id\":1}");
}

static void echo_in_raw(struct buf *out, const struct utterance *said) {
  buf_puts(out, "E{\"type\":\"reply\",");
  put_id(out, said->id);
  buf_puts(out, "\"data\":");
  buf_put(out, said->data->data, said->data->len);
  buf_putc(out, '}');
}

static void room_in_raw(struct buf *out, const struct utterance *said) {
  raw_put_head(out, 'P', said->to);
  buf_puts(out, "{\"type\":\"bench.room\",\"room\":\"");
  dialect_put_name(out, said->to);
  buf_puts(out, "\",\"data\":{\"room\":\"");
  dialect_put_name(out, said->to);
  put_named_data(out, "\",\"from\":\"", said->from, said->data);
  buf_puts(out, "}}");
}

static void user_in_raw(struct buf *out, const struct utterance *said) {
  raw_put_head(out, 'U', said->to);
  put_named_data(out, "{\"type\":\"bench.user\",\"data\":{\"from\":\"",
                 said->from, said->data);
  buf_puts(out, "}}");
}

/* --- socketio ------------------------------------------------------------
 * A digit says what a frame is to Engine.IO (0 open, 2 ping, 3 pong, 4
 * message), and one more what a message is to socket.io (0 connect, 1 gone, 2
 * event, 3 acknowledgement, 4 refused). */

static void auth_in_socketio(struct buf *out, unsigned user,
                             const char *token) {
  (void)user;
  buf_puts(out, "40{\"token\":");
  json_put_string(out, token, strlen(token));
  buf_putc(out, '}');
}

static void join_in_socketio(struct buf *out, unsigned room) {
  buf_puts(out, "421[\"join\",{\"room\":\"");
  dialect_put_name(out, room);
  buf_puts(out, "\"}]");
}

static void pong_in_socketio(struct buf *out, uint64_t received) {
  (void)received;
  buf_putc(out, '3');
}

static void echo_in_socketio(struct buf *out, const struct utterance *said) {
  buf_puts(out, "42[\"");
  buf_puts(out, said->type);
  buf_puts(out, "\",");
  buf_put(out, said->data->data, said->data->len);
  buf_putc(out, ']');
}

static void room_in_socketio(struct buf *out, const struct utterance *said) {
  put_named_data(out, "42[\"bench.room\",{\"room\":\"", said->to, said->data);
  buf_puts(out, "}]");
}

static void user_in_socketio(struct buf *out, const struct utterance *said) {
  put_named_data(out, "42[\"bench.user\",{\"to\":\"", said->to, said->data);
  buf_puts(out, "}]");
}

static int hear_socketio(const char *text, size_t len, struct envelope *out) {
  static const struct {
    const char *start, *type;
  } heard[] = {{"0", "hello"},  {"2", "ping"},   {"40", "auth_ok"},
               {"43", "reply"}, {"41", "error"}, {"44", "error"}};
  *out = (struct envelope){.data = text, .data_len = len};
  for (size_t i = 0; i < ARRAY_SIZE(heard); i++) {
    size_t size = strlen(heard[i].start);
    if (len < size || memcmp(text, heard[i].start, size) != 0)
      continue;
    out->type_len = strlen(heard[i].type);
    memcpy(out->type, heard[i].type, out->type_len + 1);
    out->data += size;
    out->data_len -= size;
  }
  return 0;
}

/* --- all of them -------------------------------------------------------- */

static const struct dialect dialects[] = {
    {.name = "json",
     .path = "/ws",
     .has_tokens = true,
     .has_ids = true,
     .put_auth = auth_in_json,
     .put_join = join_in_json,
     .put_pong = pong_in_json,
     .put_echo = echo_in_json,
     .put_room = room_in_json,
     .put_user = user_in_json,
     .hear = hear_json},
    {.name = "session",
     .path = "/ws",
     .has_tokens = true,
     .has_ids = true,
     .put_auth = auth_in_session,
     .put_join = join_in_json,
     .put_pong = pong_in_session,
     .put_echo = echo_in_json,
     .put_room = room_in_json,
     .put_user = user_in_json,
     .hear = hear_json},
    {.name = "raw",
     .path = "/ws",
     .put_auth = auth_in_raw,
     .put_join = join_in_raw,
     .put_pong = pong_in_json,
     .put_echo = echo_in_raw,
     .put_room = room_in_raw,
     .put_user = user_in_raw,
     .hear = hear_json},
    {.name = "socketio",
     .path = "/socket.io/?EIO=4&transport=websocket",
     .speaks_second = true,
     .has_tokens = true,
     .put_auth = auth_in_socketio,
     .put_join = join_in_socketio,
     .put_pong = pong_in_socketio,
     .put_echo = echo_in_socketio,
     .put_room = room_in_socketio,
     .put_user = user_in_socketio,
     .hear = hear_socketio},
};

const struct dialect *dialect_find(const char *name) {
  for (size_t i = 0; i < ARRAY_SIZE(dialects); i++)
    if (strcmp(dialects[i].name, name) == 0)
      return &dialects[i];
  return NULL;
}

const struct dialect *dialect_default(void) {
  return &dialects[0];
}
