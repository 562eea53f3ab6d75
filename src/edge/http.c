/* SPDX-License-Identifier: MIT
 * Plain HTTP. */
#include "edge/http.h"

#include "auth/jwt.h"
#include "base/embedded.h"
#include "base/log.h"
#include "base/mem.h"
#include "edge/headers.h"
#include "edge/origin.h"
#include "edge/response.h"
#include "script/generation.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
  PATH_BYTES = 256,
  HOST_BYTES = 256,
  DEV_TOKEN_TTL_S = 24 * 3600,
};

/* The path that was asked for; empty for other methods than GET and HEAD, or
 * when it is longer than any that is served here. */
static void get_path(struct lws *wsi, char out[PATH_BYTES]) {
  *out = 0;
  if (!headers_get(wsi, WSI_TOKEN_GET_URI, out, PATH_BYTES) &&
      !headers_get(wsi, WSI_TOKEN_HEAD_URI, out, PATH_BYTES))
    *out = 0;
}

static bool is_raw_path(const struct edge *edge, const char *path) {
  return *path && strcmp(path, edge->config->raw_path) == 0;
}

bool http_is_raw(const struct edge *edge, struct lws *wsi) {
  char path[PATH_BYTES];
  get_path(wsi, path);
  return is_raw_path(edge, path);
}

/* --- development: a token for whoever asks ------------------------------ */

static bool is_plain_name(const char *name) {
  for (const char *at = name; *at; at++)
    if ((unsigned char)*at < 0x20 || *at == '"' || *at == '\\')
      return false;
  return *name != 0;
}

static int dev_token(struct edge *edge, struct lws *wsi) {
  char arg[USER_ID_BYTES + 8], host[HOST_BYTES] = "", claims[512];
  char *token = NULL;
  if (!config_gives_tokens(edge->config))
    return response_end_text(wsi, 403,
                             "not to the network: start with "
                             "--dev.tokens=anyone, or listen on "
                             "127.0.0.1\n");
  headers_get(wsi, WSI_TOKEN_HOST, host, sizeof host);
  /* A page elsewhere cannot read the answer, unless it makes a name of its
   * own point here and so becomes the same host. */
  if (!origin_host_is_safe(host, NULL))
    return response_end_text(wsi, 403, "only by address or as localhost\n");
  const char *user = lws_get_urlarg_by_name(wsi, "user=", arg, sizeof arg);
  if (!user || !is_plain_name(user))
    return response_end_text(wsi, 400, "say who: /dev/token?user=NAME\n");
  long long now = time(NULL);
  const struct jwt_key *key = edge->protocol->host.key;
  snprintf(claims, sizeof claims, "{\"%s\":\"%s\",\"iat\":%lld,\"exp\":%lld}",
           jwt_user_claim(key), user, now, now + DEV_TOKEN_TTL_S);
  if (jwt_sign(key, claims, &token))
    return response_end_text(wsi, 400, "no token for this name and this key\n");
  struct buf body = {0};
  buf_printf(&body, "{\"token\":\"%s\"}\n", token);
  struct response response = {.status = 200,
                              .type = "application/json",
                              .body = body.data,
                              .len = body.len};
  int result = response_end(wsi, response);
  buf_free(&body);
  mem_free(token);
  return result;
}

/* --- requests ----------------------------------------------------------- */

static int serve_embedded(struct lws *wsi, const char *name) {
  const struct embedded *file = embedded_find(name);
  if (!file)
    return response_end_text(wsi, 404, "not built into this program\n");
  struct response response = {.status = 200,
                              .type = "text/javascript",
                              .body = file->data,
                              .len = file->len};
  return response_end(wsi, response);
}

static int health(struct edge *edge, struct lws *wsi) {
  return edge->draining ? response_end_text(wsi, 503, "draining\n")
                        : response_end_text(wsi, 200, "ok\n");
}

static int not_upgraded(struct lws *wsi) {
  struct response response = response_text(426, "this is a WebSocket\n");
  response.header = "upgrade:";
  response.value = "websocket";
  return response_end(wsi, response);
}

/* A request with a body is the last one: nobody here would read it. */
static bool has_body(struct lws *wsi) {
  return !lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) &&
         !lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI);
}

int http_request(struct edge *edge, struct lws *wsi) {
  char path[PATH_BYTES];
  get_path(wsi, path);
  if (!strcmp(path, "/healthz"))
    return health(edge, wsi);
  if (!strcmp(path, "/ws") || is_raw_path(edge, path))
    return not_upgraded(wsi);
  if (!strcmp(path, "/perigee.js") || !strcmp(path, "/perigee.global.js"))
    return serve_embedded(wsi, path + 1);
  if (!strcmp(path, "/dev/token") && edge->development)
    return dev_token(edge, wsi);
  bool last = has_body(wsi);
  int result = response_end_text(wsi, 404, "not found\n");
  return last ? -1 : result;
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

static uint32_t take_handshake(struct edge *edge) {
  const struct config *config = edge->config;
  const struct bus *bus = edge->protocol->manager.bus;
  double workers = bus ? bus->workers : 1; /* each has its share */
  uint32_t wait_ms = bucket_take(
      &edge->handshakes, (double)config->limits_handshakes_per_s / workers,
      (double)config->limits_handshakes_burst / workers, 1,
      uv_now(edge->protocol->loop));
  if (wait_ms)
    edge->protocol->stats.handshakes_refused++;
  return wait_ms;
}

static struct response too_many(uint32_t wait_ms, char *seconds, size_t cap) {
  struct response refusal = response_text(503, "too many at once: try again\n");
  snprintf(seconds, cap, "%u", wait_ms / 1000 + 1);
  refusal.header = "retry-after:";
  refusal.value = seconds;
  return refusal;
}

/* Those who are refused may come often: see edge/quiet. */
static void say_refused(struct edge *edge, unsigned status, const char *path,
                        const char *origin) {
  char kind[HOST_BYTES + 16];
  unsigned kept;
  snprintf(kind, sizeof kind, "%u %s", status, status == 403 ? origin : "");
  if (quiet_may_say(&edge->quiet, kind, uv_now(edge->protocol->loop), &kept))
    log_info("upgrade refused status=%u path=%s origin=%s unsaid=%u", status,
             path, *origin ? origin : "-", kept);
}

int http_confirm_upgrade(struct edge *edge, struct lws *wsi) {
  char path[PATH_BYTES], host[HOST_BYTES] = "", origin[HOST_BYTES] = "";
  char seconds[16];
  uint32_t wait_ms;
  struct response refusal = {0};
  get_path(wsi, path);
  headers_get(wsi, WSI_TOKEN_HOST, host, sizeof host);
  if (lws_hdr_total_length(wsi, WSI_TOKEN_ORIGIN) > 0 &&
      !headers_get(wsi, WSI_TOKEN_ORIGIN, origin, sizeof origin))
    strcpy(origin, "?"); /* too long to be in the list */
  bool raw = is_raw_path(edge, path);
  if (!raw && strcmp(path, "/ws") != 0)
    refusal = response_text(404, "the WebSocket is at /ws\n");
  else if (!origin_allowed(edge->config->origins, origin, host))
    refusal = response_text(403, "this origin is not allowed\n");
  else if (edge->draining)
    refusal = response_text(503, "draining\n");
  else if (raw && !edge->protocol->host.live->hooks[HOOK_RAW])
    refusal = response_text(503, "no script has the hook @raw\n");
  else if (handshake_fault(wsi))
    refusal = response_text(400, handshake_fault(wsi));
  else if ((wait_ms = take_handshake(edge)))
    refusal = too_many(wait_ms, seconds, sizeof seconds);
  if (!refusal.status)
    return 0;
  edge->protocol->stats.origins_refused += refusal.status == 403;
  say_refused(edge, refusal.status, path, origin);
  return response_write(wsi, &refusal) ? -1 : 1;
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
  const char *raw_path = edge->config->raw_path;
  if (*raw_path)
    own++;
  struct lws_http_mount *mounts = mem_alloc((own + 1) * sizeof *mounts);
  for (size_t i = 0; i < own; i++) {
    bool ours = i < ARRAY_SIZE(own_paths);
    mount(&mounts[i], ours ? own_paths[i] : raw_path, "perigee",
          LWSMPRO_CALLBACK);
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
