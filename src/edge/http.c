/* SPDX-License-Identifier: MIT
 * Plain HTTP. */
#include "edge/http.h"

#include "auth/jwt.h"
#include "base/embedded.h"
#include "base/log.h"
#include "base/mem.h"
#include "edge/origin.h"
#include "edge/relay.h"
#include "edge/response.h"
#include "edge/upgrade.h"
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

static struct edge *edge_of(struct lws *wsi) {
  return lws_context_user(lws_get_context(wsi));
}

/* Copies a header; false, and empty, if it is missing or too long. */
static bool get_header(struct lws *wsi, enum lws_token_indexes token, char *out,
                       size_t cap) {
  if (lws_hdr_copy(wsi, out, (int)cap, token) > 0)
    return true;
  *out = '\0';
  return false;
}

/* The path that was asked for; empty when it is longer than any that is served
 * here. */
static void get_path(struct lws *wsi, char out[PATH_BYTES]) {
  if (!get_header(wsi, WSI_TOKEN_GET_URI, out, PATH_BYTES))
    get_header(wsi, WSI_TOKEN_HEAD_URI, out, PATH_BYTES);
}

/* The page that asks, if `origins` names it: it may read what is answered. Its
 * own host needs no leave. */
static bool get_reader(struct lws *wsi, char out[HOST_BYTES]) {
  char *const *list = edge_of(wsi)->config->origins;
  return *list && get_header(wsi, WSI_TOKEN_ORIGIN, out, HOST_BYTES) &&
         origin_allowed(list, out, "");
}

/* --- development: a token for whoever asks ------------------------------ */

static bool is_plain_name(const char *name) {
  for (const char *at = name; *at; at++)
    if ((unsigned char)*at < 0x20 || *at == '"' || *at == '\\')
      return false;
  return *name != 0;
}

static int dev_token(struct edge *edge, struct lws *wsi) {
  char arg[USER_ID_BYTES + 8], host[HOST_BYTES], claims[512];
  char reader[HOST_BYTES];
  char *token = NULL;
  if (!config_gives_tokens(edge->config))
    return response_end_text(wsi, 403,
                             "not to the network: start with "
                             "--dev.tokens=anyone, or listen on "
                             "127.0.0.1\n");
  get_header(wsi, WSI_TOKEN_HOST, host, sizeof host);
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
                              .len = body.len,
                              .reader =
                                  get_reader(wsi, reader) ? reader : NULL};
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
  char reader[HOST_BYTES];
  struct response response = {.status = 200,
                              .type = "text/javascript",
                              .body = file->data,
                              .len = file->len,
                              .reader =
                                  get_reader(wsi, reader) ? reader : NULL};
  return response_end(wsi, response);
}

static int health(const struct edge *edge, struct lws *wsi) {
  if (!edge->draining)
    return response_end_text(wsi, 200, "ok\n");
  struct response response = response_text(503, "draining\n");
  response.retry_s = EDGE_DRAIN_RETRY_S;
  return response_end(wsi, response);
}

static int answer(struct edge *edge, struct lws *wsi) {
  char path[PATH_BYTES];
  get_path(wsi, path);
  if (!strcmp(path, "/healthz"))
    return health(edge, wsi);
  if (!strcmp(path, "/perigee.js") || !strcmp(path, "/perigee.global.js"))
    return serve_embedded(wsi, path + 1);
  if (!strcmp(path, "/dev/token") && edge->development)
    return dev_token(edge, wsi);
  return response_end_text(wsi, 404, "not found\n");
}

int http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user,
                  void *in, size_t len) {
  switch (reason) {
  case LWS_CALLBACK_HTTP:
    return answer(edge_of(wsi), wsi);
  case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: /* relays ask for none */
  case LWS_CALLBACK_RECEIVE:
  case LWS_CALLBACK_RAW_RX:
    return -1;
  default: /* plain HTTP has chores that the library does itself */
    return lws_callback_http_dummy(wsi, reason, user, in, len);
  }
}

void http_route(void *arg, struct visitor *visitor,
                const struct request *request, struct slice rest) {
  static const struct refusal other = {.status = 405,
                                       .text =
                                           "GET and HEAD are answered here\n",
                                       .headers = "Allow: GET, HEAD\r\n"};
  struct edge *edge = arg;
  visitor->last = visitor->last || edge->draining;
  if (!slice_equals(request->method, "GET") &&
      !slice_equals(request->method, "HEAD"))
    visitor_refuse(visitor, &other);
  else if (upgrade_is_meant(edge, request))
    upgrade_take(edge, visitor, request, rest);
  else
    visitor_relay(visitor, request);
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
