/* SPDX-License-Identifier: MIT
 * What the benchmark's clients say, in JSON, in the baseline's letters, and to
 * socket.io.
 *
 * The last one is Engine.IO 4 on its WebSocket transport: a digit says what a
 * frame is (0 open, 2 ping, 3 pong, 4 message), and one more what the message
 * is to socket.io (0 connect, 2 event, 3 acknowledgement, 4 refused). */
#include "dialect.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TOKEN_MAX = 512, TOKEN_LIFE_S = 3600 };

__attribute__((format(printf, 2, 3))) static size_t say(char *out,
                                                        const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(out, DIALECT_MAX, fmt, args);
  va_end(args);
  if (n < 0 || n >= DIALECT_MAX) {
    fputs("loadgen: the payload is too long\n", stderr);
    exit(1);
  }
  return (size_t)n;
}

/* base64url without padding, zero-terminated. */
static size_t base64url(char *out, const void *bytes, size_t len) {
  int n = EVP_EncodeBlock((unsigned char *)out, bytes, (int)len);
  for (char *p = out; *p; p++)
    *p = (char)(*p == '+' ? '-' : *p == '/' ? '_' : *p);
  while (n > 0 && out[n - 1] == '=')
    out[--n] = 0;
  return (size_t)n;
}

/* A token of user "u<user>", signed with HS256. */
static void sign(char *out, const char *secret, unsigned user) {
  static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
  char claims[128];
  long now = (long)time(NULL);
  int n = snprintf(claims, sizeof claims,
                   "{\"sub\":\"u%u\",\"iat\":%ld,\"exp\":%ld}", user, now,
                   now + TOKEN_LIFE_S);
  size_t len = base64url(out, header, sizeof header - 1);
  out[len++] = '.';
  len += base64url(out + len, claims, (size_t)n);
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned mac_len = 0;
  HMAC(EVP_sha256(), secret, (int)strlen(secret), (unsigned char *)out, len,
       mac, &mac_len);
  out[len++] = '.';
  base64url(out + len, mac, mac_len);
}

bool dialect_named(struct dialect *d, const char *name) {
  static const char *const names[] = {"json", "raw", "socketio"};
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
    d->kind = i;
    if (strcmp(name, names[i]) == 0)
      return true;
  }
  return false;
}

const char *dialect_path(const struct dialect *d) {
  return d->kind == DIALECT_SOCKETIO ? "/socket.io/?EIO=4&transport=websocket"
                                     : "/ws";
}

bool dialect_server_first(const struct dialect *d) {
  return d->kind == DIALECT_SOCKETIO;
}

static bool starts(const char *text, size_t len, const char *with) {
  return len >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

static bool contains(const char *text, size_t len, const char *what) {
  return memmem(text, len, what, strlen(what)) != NULL;
}

static enum heard hear_socketio(const char *text, size_t len) {
  if (starts(text, len, "0{"))
    return HEARD_HELLO;
  if (starts(text, len, "40"))
    return HEARD_AUTHENTICATED;
  if (starts(text, len, "43"))
    return HEARD_JOINED;
  if (starts(text, len, "44") || starts(text, len, "41"))
    return HEARD_ERROR;
  return starts(text, len, "2") ? HEARD_PING : HEARD_OTHER;
}

enum heard dialect_hear(const struct dialect *d, const char *text, size_t len) {
  if (d->kind == DIALECT_SOCKETIO)
    return hear_socketio(text, len);
  if (contains(text, len, "\"auth_ok\""))
    return HEARD_AUTHENTICATED;
  if (contains(text, len, "\"reply\""))
    return HEARD_JOINED;
  if (contains(text, len, "\"type\":\"ping\""))
    return HEARD_PING;
  return contains(text, len, "error\"") ? HEARD_ERROR : HEARD_OTHER;
}

size_t dialect_auth(const struct dialect *d, char *out, unsigned user) {
  if (d->kind == DIALECT_RAW)
    return say(out, "A%08x{\"type\":\"auth_ok\"}", user);
  char token[TOKEN_MAX];
  sign(token, d->secret, user);
  if (d->kind == DIALECT_SOCKETIO)
    return say(out, "40{\"token\":\"%s\"}", token);
  return say(out, "{\"type\":\"auth\",\"data\":{\"token\":\"%s\"}}", token);
}

size_t dialect_join(const struct dialect *d, char *out, unsigned room) {
  if (d->kind == DIALECT_RAW)
    return say(out, "J%08x{\"type\":\"reply\",\"id\":1}", room);
  if (d->kind == DIALECT_SOCKETIO)
    return say(out, "421[\"join\",{\"room\":\"r%u\"}]", room);
  return say(out, "{\"type\":\"join\",\"id\":1,\"data\":{\"room\":\"r%u\"}}",
             room);
}

size_t dialect_pong(const struct dialect *d, char *out) {
  return say(out, d->kind == DIALECT_SOCKETIO ? "3" : "{\"type\":\"pong\"}");
}

size_t dialect_echo(const struct dialect *d, char *out, const char *data) {
  if (d->kind == DIALECT_SOCKETIO)
    return say(out, "42[\"echo\",%s]", data);
  return say(out, "%s{\"type\":\"echo\",\"data\":%s}",
             d->kind == DIALECT_RAW ? "E" : "", data);
}

size_t dialect_room(const struct dialect *d, char *out, unsigned room,
                    unsigned from, const char *data) {
  if (d->kind == DIALECT_RAW)
    return say(out,
               "P%08x{\"type\":\"room.msg\",\"room\":\"r%u\",\"data\":"
               "{\"room\":\"r%u\",\"from\":\"u%u\",\"data\":%s}}",
               room, room, room, from, data);
  if (d->kind == DIALECT_SOCKETIO)
    return say(out, "42[\"room.send\",{\"room\":\"r%u\",\"data\":%s}]", room,
               data);
  return say(out,
             "{\"type\":\"room.send\",\"data\":"
             "{\"room\":\"r%u\",\"data\":%s}}",
             room, data);
}

size_t dialect_user(const struct dialect *d, char *out, unsigned to,
                    unsigned from, const char *data) {
  if (d->kind == DIALECT_RAW)
    return say(out,
               "U%08x{\"type\":\"user.msg\",\"data\":"
               "{\"from\":\"u%u\",\"data\":%s}}",
               to, from, data);
  if (d->kind == DIALECT_SOCKETIO)
    return say(out, "42[\"user.send\",{\"to\":\"u%u\",\"data\":%s}]", to, data);
  return say(out,
             "{\"type\":\"user.send\",\"data\":"
             "{\"to\":\"u%u\",\"data\":%s}}",
             to, data);
}
