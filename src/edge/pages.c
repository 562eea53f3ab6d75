/* SPDX-License-Identifier: MIT
 * Pages. */
#include "edge/pages.h"

#include "auth/jwt.h"
#include "base/buf.h"
#include "base/embedded.h"
#include "base/mem.h"
#include "edge/origin.h"
#include "edge/refusal.h"
#include "edge/response.h"
#include "hub/manager.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
  PATH_BYTES = 256,
  HOST_BYTES = 256,
  DEV_TOKEN_TTL_S = 24 * 3600,
};

static const struct pages *pages_of(struct lws *wsi) {
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
  char *const *list = pages_of(wsi)->config->origins;
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

/* NULL if the key is one that only verifies, or takes no such name. */
static char *sign_dev_token(const struct jwt_key *key, const char *user) {
  char claims[512];
  char *token = NULL;
  long long now = time(NULL);
  snprintf(claims, sizeof claims, "{\"%s\":\"%s\",\"iat\":%lld,\"exp\":%lld}",
           jwt_user_claim(key), user, now, now + DEV_TOKEN_TTL_S);
  return jwt_sign(key, claims, &token) ? NULL : token;
}

static int answer_dev_token(struct lws *wsi, const char *token) {
  char reader[HOST_BYTES];
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
  return result;
}

static int dev_token(const struct pages *pages, struct lws *wsi) {
  char arg[USER_ID_BYTES + 8], host[HOST_BYTES];
  if (!config_gives_tokens(pages->config))
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
  char *token = sign_dev_token(pages->key, user);
  if (!token)
    return response_end_text(wsi, 400, "no token for this name and this key\n");
  int result = answer_dev_token(wsi, token);
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

static int page_health(const struct pages *pages, struct lws *wsi) {
  if (!pages->draining)
    return response_end_text(wsi, 200, "ok\n");
  struct response response = response_text(503, "draining\n");
  response.retry_s = REFUSAL_DRAIN_RETRY_S;
  return response_end(wsi, response);
}

static int answer_page(const struct pages *pages, struct lws *wsi) {
  char path[PATH_BYTES];
  get_path(wsi, path);
  if (!strcmp(path, "/healthz"))
    return page_health(pages, wsi);
  if (!strcmp(path, "/perigee.js") || !strcmp(path, "/perigee.global.js"))
    return serve_embedded(wsi, path + 1);
  if (!strcmp(path, "/dev/token") && pages->development)
    return dev_token(pages, wsi);
  return response_end_text(wsi, 404, "not found\n");
}

static int on_page_event(struct lws *wsi, enum lws_callback_reasons reason,
                         void *user, void *in, size_t len) {
  switch (reason) {
  case LWS_CALLBACK_HTTP:
    return answer_page(pages_of(wsi), wsi);
  case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: /* relays ask for none */
  case LWS_CALLBACK_RECEIVE:
  case LWS_CALLBACK_RAW_RX:
    return -1;
  default: /* plain HTTP has chores that the library does itself */
    return lws_callback_http_dummy(wsi, reason, user, in, len);
  }
}

const struct lws_protocols pages_protocols[] = {
    {.name = PAGES_PROTOCOL, .callback = on_page_event},
    {0},
};
