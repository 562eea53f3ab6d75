/* SPDX-License-Identifier: MIT
 * Plain HTTP. */
#include "edge/http.h"

#include "base/embedded.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/jwt.h"
#include "edge/headers.h"
#include "edge/origin.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
  HEADERS_BYTES = 1024,
  PATH_BYTES = 256,
  HOST_BYTES = 256,
  DEV_TOKEN_TTL_S = 24 * 3600,
};

struct response {
  unsigned status;
  const char *type; /* NULL: text/plain */
  const char *body;
  size_t len;
  const char *header, *value; /* one more header, or NULL */
};

static struct response text(unsigned status, const char *body) {
  return (struct response){.status = status, .body = body, .len = strlen(body)};
}

/* --- answering ---------------------------------------------------------- */

static int put_headers(struct lws *wsi, const struct response *response,
                       unsigned char **at, unsigned char *end) {
  const char *type = response->type ? response->type : "text/plain";
  if (lws_add_http_common_headers(wsi, response->status, type, response->len,
                                  at, end))
    return -1;
  /* Nothing here is worth asking an old copy for. */
  if (lws_add_http_header_by_name(wsi, (const unsigned char *)"cache-control:",
                                  (const unsigned char *)"no-cache", 8, at,
                                  end))
    return -1;
  if (response->header &&
      lws_add_http_header_by_name(wsi, (const unsigned char *)response->header,
                                  (const unsigned char *)response->value,
                                  (int)strlen(response->value), at, end))
    return -1;
  return lws_finalize_http_header(wsi, at, end);
}

/* Headers and body in one write. 0, or -1 when the connection is broken. */
static int send_response(struct lws *wsi, const struct response *response) {
  unsigned char *room = mem_alloc_raw(LWS_PRE + HEADERS_BYTES + response->len);
  unsigned char *start = room + LWS_PRE, *at = start;
  int result = -1;
  if (put_headers(wsi, response, &at, start + HEADERS_BYTES))
    goto out;
  if (!lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI)) {
    memcpy(at, response->body, response->len);
    at += response->len;
  }
  if (lws_write(wsi, start, (size_t)(at - start), LWS_WRITE_HTTP_FINAL) >= 0)
    result = 0;
out:
  mem_free(room);
  return result;
}

static int respond(struct lws *wsi, struct response response) {
  if (send_response(wsi, &response) || lws_http_transaction_completed(wsi))
    return -1;
  return 0;
}

/* The path that was asked for; empty for other methods than GET and HEAD, or
 * when it is longer than any that is served here. */
static void get_path(struct lws *wsi, char out[PATH_BYTES]) {
  *out = 0;
  if (!headers_get(wsi, WSI_TOKEN_GET_URI, out, PATH_BYTES) &&
      !headers_get(wsi, WSI_TOKEN_HEAD_URI, out, PATH_BYTES))
    *out = 0;
}

/* --- development: a token for whoever asks ------------------------------ */

/* A page elsewhere cannot read the answer, but it could point a name of its
 * own at this machine and be the same host: names other than localhost are
 * refused, addresses have no owner to be fooled. */
static bool is_local_host(const char *host) {
  size_t len = strcspn(host, ":");
  if (*host == '[')
    return true;
  if (len == strlen("localhost") && !strncasecmp(host, "localhost", len))
    return true;
  return len > 0 && strspn(host, "0123456789.") == len;
}

static bool is_plain_name(const char *name) {
  for (const char *at = name; *at; at++)
    if ((unsigned char)*at < 0x20 || *at == '"' || *at == '\\')
      return false;
  return *name != 0;
}

static int dev_token(struct edge *edge, struct lws *wsi) {
  char arg[USER_ID_BYTES + 8], host[HOST_BYTES] = "", claims[512];
  char *token = NULL;
  headers_get(wsi, WSI_TOKEN_HOST, host, sizeof host);
  if (!is_local_host(host))
    return respond(wsi, text(403, "only by address or as localhost\n"));
  const char *user = lws_get_urlarg_by_name(wsi, "user=", arg, sizeof arg);
  if (!user || !is_plain_name(user))
    return respond(wsi, text(400, "say who: /dev/token?user=NAME\n"));
  long long now = time(NULL);
  const struct jwt_key *key = edge->protocol->host.key;
  snprintf(claims, sizeof claims, "{\"%s\":\"%s\",\"iat\":%lld,\"exp\":%lld}",
           jwt_user_claim(key), user, now, now + DEV_TOKEN_TTL_S);
  if (jwt_sign(key, claims, &token))
    return respond(wsi, text(400, "no token for this name and this key\n"));
  struct buf body = {0};
  buf_printf(&body, "{\"token\":\"%s\"}\n", token);
  struct response response = {.status = 200,
                              .type = "application/json",
                              .body = body.data,
                              .len = body.len};
  int result = respond(wsi, response);
  buf_free(&body);
  mem_free(token);
  return result;
}

/* --- requests ----------------------------------------------------------- */

static int serve_embedded(struct lws *wsi, const char *name) {
  const struct embedded *file = embedded_find(name);
  if (!file)
    return respond(wsi, text(404, "not built into this program\n"));
  struct response response = {.status = 200,
                              .type = "text/javascript",
                              .body = file->data,
                              .len = file->len};
  return respond(wsi, response);
}

static int health(struct edge *edge, struct lws *wsi) {
  return respond(wsi,
                 edge->draining ? text(503, "draining\n") : text(200, "ok\n"));
}

static int not_upgraded(struct lws *wsi) {
  struct response response = text(426, "this is a WebSocket\n");
  response.header = "upgrade:";
  response.value = "websocket";
  return respond(wsi, response);
}

int http_request(struct edge *edge, struct lws *wsi) {
  char path[PATH_BYTES];
  get_path(wsi, path);
  if (!strcmp(path, "/healthz"))
    return health(edge, wsi);
  if (!strcmp(path, "/ws"))
    return not_upgraded(wsi);
  if (!strcmp(path, "/perigee.js") || !strcmp(path, "/perigee.global.js"))
    return serve_embedded(wsi, path + 1);
  if (!strcmp(path, "/dev/token") && edge->development)
    return dev_token(edge, wsi);
  return respond(wsi, text(404, "not found\n"));
}

/* What the library would drop without a word, or take for something else. */
static const char *handshake_fault(struct lws *wsi) {
  char value[32];
  if (!headers_get(wsi, WSI_TOKEN_UPGRADE, value, sizeof value) ||
      strcasecmp(value, "websocket") != 0)
    return "only an upgrade to websocket is possible\n";
  if (!headers_get(wsi, WSI_TOKEN_VERSION, value, sizeof value) ||
      strcmp(value, "13") != 0)
    return "Sec-WebSocket-Version must be 13\n";
  if (lws_hdr_total_length(wsi, WSI_TOKEN_PROTOCOL) > 0)
    return "no Sec-WebSocket-Protocol is spoken here: leave it out\n";
  return NULL;
}

int http_confirm_upgrade(struct edge *edge, struct lws *wsi) {
  char path[PATH_BYTES], host[HOST_BYTES] = "", origin[HOST_BYTES] = "";
  struct response refusal = {0};
  get_path(wsi, path);
  headers_get(wsi, WSI_TOKEN_HOST, host, sizeof host);
  if (lws_hdr_total_length(wsi, WSI_TOKEN_ORIGIN) > 0 &&
      !headers_get(wsi, WSI_TOKEN_ORIGIN, origin, sizeof origin))
    strcpy(origin, "?"); /* too long to be in the list */
  if (strcmp(path, "/ws") != 0)
    refusal = text(404, "the WebSocket is at /ws\n");
  else if (!origin_allowed(edge->config->origins, origin, host))
    refusal = text(403, "this origin is not allowed\n");
  else if (edge->draining)
    refusal = text(503, "draining\n");
  else if (handshake_fault(wsi))
    refusal = text(400, handshake_fault(wsi));
  if (!refusal.status)
    return 0;
  log_info("upgrade refused status=%u path=%s origin=%s", refusal.status, path,
           *origin ? origin : "-");
  return send_response(wsi, &refusal) ? -1 : 1;
}

/* --- mounts ------------------------------------------------------------- */

/* Types that the library does not know by itself. */
static const struct lws_protocol_vhost_options extra_types[] = {
    {&extra_types[1], NULL, ".mjs", "text/javascript"},
    {&extra_types[2], NULL, ".webp", "image/webp"},
    {&extra_types[3], NULL, ".wasm", "application/wasm"},
    {NULL, NULL, ".webmanifest", "application/manifest+json"},
};

static const char *const own_paths[] = {"/healthz", "/ws", "/perigee.js",
                                        "/perigee.global.js", "/dev/token"};

static void mount(struct lws_http_mount *mount, const char *path,
                  const char *origin, unsigned char how) {
  mount->mountpoint = path;
  mount->mountpoint_len = (unsigned char)strlen(path);
  mount->origin = origin;
  mount->origin_protocol = how;
}

const struct lws_http_mount *http_mounts(struct edge *edge) {
  if (!*edge->config->public)
    return NULL;
  size_t own = ARRAY_SIZE(own_paths);
  struct lws_http_mount *mounts = mem_alloc((own + 1) * sizeof *mounts);
  for (size_t i = 0; i < own; i++) {
    mount(&mounts[i], own_paths[i], "perigee", LWSMPRO_CALLBACK);
    mounts[i].protocol = "perigee";
    mounts[i].mount_next = &mounts[i + 1];
  }
  mount(&mounts[own], "/", edge->config->public, LWSMPRO_FILE);
  mounts[own].def = "index.html";
  mounts[own].extra_mimetypes = extra_types;
  edge->mounts = mounts;
  return mounts;
}

void http_mounts_free(struct edge *edge) {
  mem_free(edge->mounts);
  edge->mounts = NULL;
}
