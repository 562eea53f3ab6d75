/* SPDX-License-Identifier: MIT
 * From a request to a connection. */
#include "edge/upgrade.h"

#include "base/log.h"
#include "base/mem.h"
#include "edge/credential.h"
#include "edge/extension.h"
#include "edge/headers.h"
#include "edge/origin.h"
#include "edge/sockets.h"
#include "edge/subprotocol.h"
#include "edge/ws.h"
#include "protocol/auth.h"
#include "protocol/protocol.h"
#include "protocol/raw.h"
#include "protocol/session.h"
#include "script/generation.h"
#include "wire/traceparent.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

enum {
  HOST_BYTES = 256,
  PATH_BYTES = 256,
  KEY_BYTES = 24,    /* 16 bytes as base64 */
  ACCEPT_BYTES = 29, /* 20 as such, and a zero */
};

static bool is_raw(const struct upgrade *upgrade,
                   const struct request *request) {
  const char *path = upgrade->config->raw_path;
  return *path && slice_equals(request->path, path);
}

static bool is_socket_path(const struct upgrade *upgrade,
                           const struct request *request) {
  return slice_equals(request->path, "/ws") || is_raw(upgrade, request);
}

static bool wants_websocket(const struct request *request) {
  return request_has_word(request, "upgrade", "websocket");
}

bool upgrade_is_meant(const struct upgrade *upgrade,
                      const struct request *request) {
  return is_socket_path(upgrade, request) || wants_websocket(request);
}

/* --- the checks --------------------------------------------------------- */

static bool is_key(const struct slice *key) {
  if (!key || key->len != KEY_BYTES || memcmp(key->at + 22, "==", 2) != 0)
    return false;
  for (size_t i = 0; i < KEY_BYTES - 2; i++) {
    char c = key->at[i];
    if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
          (c >= '0' && c <= '9') || c == '+' || c == '/'))
      return false;
  }
  return true;
}

/* The fields of RFC 6455 itself. */
static struct refusal check_fields(const struct request *request) {
  const struct slice *version = request_field(request, "sec-websocket-version");
  if (!version || !slice_equals(*version, "13"))
    return (struct refusal){
        .status = 426,
        .text = "Sec-WebSocket-Version must be 13\n",
        .headers = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"};
  if (!is_key(request_field(request, "sec-websocket-key")))
    return (struct refusal){
        .status = 400,
        .text = "Sec-WebSocket-Key must be 16 bytes in base64\n"};
  if (request->length > 0 || request->chunked)
    return (struct refusal){.status = 400, .text = "an upgrade has no body\n"};
  return (struct refusal){0};
}

/* RFC 6455, 4.2.1. */
static struct refusal check_handshake(const struct request *request) {
  if (!slice_equals(request->method, "GET"))
    return (struct refusal){.status = 405,
                            .text = "a WebSocket begins with GET\n",
                            .headers = "Allow: GET\r\n"};
  if (!wants_websocket(request))
    return (struct refusal){.status = 426,
                            .text = "this is a WebSocket\n",
                            .headers = "Upgrade: websocket\r\n"};
  if (request->minor == 0)
    return (struct refusal){.status = 400,
                            .text = "a WebSocket needs HTTP/1.1: does a proxy "
                                    "ask in HTTP/1.0?\n"};
  if (!request_has_word(request, "connection", "upgrade"))
    return (struct refusal){
        .status = 400,
        .text = "`Connection: Upgrade` is missing: a proxy in between must "
                "pass it on\n"};
  return check_fields(request);
}

static struct refusal check_state(struct upgrade *upgrade,
                                  const struct request *request) {
  if (upgrade->draining)
    return (struct refusal){
        .status = 503, .text = "draining\n", .retry_s = REFUSAL_DRAIN_RETRY_S};
  if (is_raw(upgrade, request) &&
      !upgrade->protocol->host.live->hooks[HOOK_RAW])
    return (struct refusal){.status = 503,
                            .text = "no script has the hook @raw\n"};
  return (struct refusal){0};
}

uint32_t upgrade_take_handshake(struct upgrade *upgrade, const char *address) {
  const struct bus *bus = upgrade->protocol->manager.bus;
  bool proxy = proxy_trusted(&upgrade->proxies, address);
  uint32_t wait_ms = handshakes_take(
      &upgrade->handshakes, upgrade->config, bus ? bus->workers : 1,
      proxy ? NULL : address, uv_now(upgrade->protocol->loop));
  if (wait_ms)
    upgrade->protocol->stats.handshakes_refused++;
  return wait_ms;
}

/* Over TLS it was asked for before, see edge/edge. */
static struct refusal check_rate(struct upgrade *upgrade,
                                 const struct visitor *visitor,
                                 const char *address) {
  uint32_t wait_ms =
      visitor->transport.tls ? 0 : upgrade_take_handshake(upgrade, address);
  if (!wait_ms)
    return (struct refusal){0};
  return (struct refusal){.status = 503,
                          .text = "too many at once: try again\n",
                          .retry_s = wait_ms / 1000 + 1};
}

static struct refusal check_all(struct upgrade *upgrade,
                                const struct request *request,
                                const char *origin, const char *host,
                                struct subprotocol *subprotocol) {
  if (!is_socket_path(upgrade, request))
    return (struct refusal){.status = 404, .text = "the WebSocket is at /ws\n"};
  if (!origin_allowed(upgrade->config->origins, origin, host) &&
      !(*upgrade->config->api_keys &&
        origin_is_console(upgrade->config->admin_listen, origin, host)))
    return (struct refusal){.status = 403,
                            .text = "this origin is not allowed\n"};
  struct refusal refusal = check_state(upgrade, request);
  if (!refusal.status)
    refusal = check_handshake(request);
  if (!refusal.status &&
      !subprotocol_choose(request, upgrade->config->subprotocols, subprotocol))
    return (struct refusal){.status = 400, .text = subprotocol->words};
  return refusal;
}

/* --- no ----------------------------------------------------------------- */

/* What an operator has to do about the origin. */
static const char *origin_hint(const struct upgrade *upgrade, unsigned status) {
  if (status != 403)
    return "";
  return *upgrade->config->origins
             ? " (it is not in `origins`)"
             : " (`origins` is empty: pages of that host only; a proxy must "
               "pass the Host of the page on, or list the origin)";
}

/* Those who are refused may come often: see edge/quiet. */
static void refuse_upgrade(struct upgrade *upgrade, struct visitor *visitor,
                           const struct request *request,
                           const struct refusal *refusal, const char *origin,
                           const char *host) {
  char kind[HOST_BYTES + 16], path[PATH_BYTES];
  unsigned kept;
  bool foreign = refusal->status == 403;
  upgrade->protocol->stats.origins_refused += foreign;
  /* What stands behind a colon may be the client's. */
  snprintf(kind, sizeof kind, "%u %.*s", refusal->status,
           foreign ? HOST_BYTES : (int)strcspn(refusal->text, ":"),
           foreign ? origin : refusal->text);
  if (quiet_may_say(visitor->visitors->quiet, kind,
                    uv_now(upgrade->protocol->loop), &kept))
    log_info("upgrade refused status=%u ip=%s path=%s origin=%s host=%s "
             "unsaid=%u %.*s%s",
             refusal->status, visitor->socket.ip,
             slice_copy(request->path, path, sizeof path) ? path : "?",
             *origin ? origin : "-", *host ? host : "-", kept,
             (int)strcspn(refusal->text, "\n"), refusal->text,
             origin_hint(upgrade, refusal->status));
  visitor_answer(visitor, refusal);
}

/* --- yes ---------------------------------------------------------------- */

/* RFC 6455, 4.2.2. SHA1() would search for its algorithm each time. */
static bool put_accept(struct buf *out, const EVP_MD *sha1,
                       const struct slice *key) {
  static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char text[KEY_BYTES + sizeof guid - 1], digest[SHA_DIGEST_LENGTH];
  memcpy(text, key->at, KEY_BYTES);
  memcpy(text + KEY_BYTES, guid, sizeof guid - 1);
  if (!sha1 || !EVP_Digest(text, sizeof text, digest, NULL, sha1, NULL))
    return false;
  out->len += (size_t)EVP_EncodeBlock(
      (unsigned char *)buf_reserve(out, ACCEPT_BYTES), digest, sizeof digest);
  return true;
}

/* The socket is new: it takes that at once, or is broken. */
static bool write_101(struct upgrade *upgrade, struct transport *transport,
                      const struct request *request, const char *extension,
                      const char *subprotocol) {
  struct buf *out = &upgrade->protocol->out;
  out->len = 0;
  buf_puts(out, "HTTP/1.1 101 Switching Protocols\r\n"
                "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Accept: ");
  if (!put_accept(out, upgrade->sha1,
                  request_field(request, "sec-websocket-key")))
    return false;
  buf_puts(out, "\r\n");
  buf_puts(out, extension);
  if (*subprotocol) {
    buf_puts(out, "Sec-WebSocket-Protocol: ");
    buf_puts(out, subprotocol);
    buf_puts(out, "\r\n");
  }
  buf_puts(out, "\r\n");
  return transport_write(transport, out->data, out->len) == (ssize_t)out->len;
}

/* Whether the query says that an `auth` message will come, also where the
 * handshake has a token. */
static bool logs_in_later(const struct request *request) {
  static const char wanted[] = "auth=message";
  struct slice rest = request->query;
  if (rest.len > 0 && *rest.at == '?')
    rest = slice_after(rest, 1);
  while (rest.len > 0) {
    const char *end = memchr(rest.at, '&', rest.len);
    size_t len = end ? (size_t)(end - rest.at) : rest.len;
    if (slice_equals((struct slice){rest.at, len}, wanted))
      return true;
    rest = slice_after(rest, end ? len + 1 : len);
  }
  return false;
}

/* A bad token is answered in the WebSocket, not with 401: browsers show a
 * page no other reason than a close code. */
static void login_at_once(struct conn *conn, bool later, const char *token,
                          size_t len) {
  if (!conn_is_open(conn))
    return;
  if (conn->raw)
    raw_open(conn, token, len);
  else if (later)
    auth_token_later(conn, token, len);
  else if (len > 0)
    auth_token(conn, token, len);
}

/* Some libraries break what they agree to. The others need not suffer. */
static bool may_compress(const struct upgrade *upgrade,
                         const struct request *request) {
  const struct slice *agent = request_field(request, "user-agent");
  char **broken = upgrade->config->deflate_except;
  for (; agent && *broken; broken++)
    if (slice_begins(*agent, *broken))
      return false;
  return upgrade->deflate != NULL;
}

static void take_traceparent(struct conn *conn, const struct request *request) {
  const struct slice *field = request_field(request, "traceparent");
  struct traceparent parent;
  if (field && traceparent_read(*field, &parent))
    conn_set_traceparent_take(conn, mem_strndup(field->at, field->len));
}

static void let_visitor_in(struct upgrade *upgrade, struct visitor *visitor,
                           const struct request *request, const char *address,
                           const char *subprotocol, struct slice rest) {
  char token[CREDENTIAL_BYTES];
  char extension[EXTENSION_BYTES] = "";
  bool raw = is_raw(upgrade, request), later = logs_in_later(request);
  int bits =
      may_compress(upgrade, request) ? extension_answer(request, extension) : 0;
  size_t len = 0;
  if (!write_101(upgrade, &visitor->transport, request, extension,
                 subprotocol)) {
    visitor_free(visitor);
    return;
  }
  struct conn *conn = socket_open_take(upgrade->sockets, visitor_take(visitor));
  buf_put(&socket_of(conn)->rest, rest.at, rest.len);
  conn->headers = headers_pack(request, upgrade->config->headers);
  conn->raw = raw;
  take_traceparent(conn, request);
  conn->deflate = bits > 0 ? upgrade->deflate : NULL;
  conn->window_bits = (uint8_t)bits;
  conn->reader.deflate = bits > 0;
  if (!credential_get(request, upgrade->config, raw, token, &len))
    len = 0;
  visitor_free(visitor);
  session_open(upgrade->protocol, conn, address);
  ws_start(conn);
  login_at_once(conn, later, token, len);
  OPENSSL_cleanse(token, len);
}

void upgrade_take(struct upgrade *upgrade, struct visitor *visitor,
                  const struct request *request, struct slice rest) {
  const struct slice *origin_field = request_field(request, "origin");
  char origin[HOST_BYTES] = "", host[HOST_BYTES];
  char address[PROXY_ADDRESS_BYTES];
  struct subprotocol subprotocol;
  if (origin_field && !slice_copy(*origin_field, origin, sizeof origin))
    strcpy(origin, "?"); /* too long to be in the list */
  slice_copy(request->host, host, sizeof host);
  upgrade->believed.header = upgrade->config->proxy_header;
  believed_client(&upgrade->believed, &upgrade->proxies, visitor, request,
                  address);
  struct refusal refusal =
      check_all(upgrade, request, origin, host, &subprotocol);
  if (!refusal.status)
    refusal = check_rate(upgrade, visitor, address);
  if (refusal.status)
    refuse_upgrade(upgrade, visitor, request, &refusal, origin, host);
  else
    let_visitor_in(upgrade, visitor, request, address, subprotocol.name, rest);
}
