/* SPDX-License-Identifier: MIT
 * The keys of tokens, as the process has them. */
#include "server/keys.h"

#include "auth/refill.h"
#include "base/err.h"
#include "base/log.h"
#include "net/fetch.h"

enum {
  FETCH_MS = 5000, /* tokens wait for it: less than auth.timeout_s */
  CONNECT_MS = 3000,
  RETRY_MS = 30000 /* after a failure, unless a token asks earlier */
};

int keys_load(struct keys *keys, const struct config *config,
              struct buf *error) {
  *keys =
      (struct keys){.config = config, .published = key_published_rules(config)};
  keys->key = key_load(config, NULL, error);
  return keys->key ? 0 : ERR_CONFIG;
}

/* --- auth.jwks_url ------------------------------------------------------ */

static int publish(struct keys *keys, const struct fetch_result *result,
                   struct buf *left_out, struct buf *error) {
  if (result->code != FETCH_OK) {
    buf_puts(error, result->text);
    return ERR_UNAVAILABLE;
  }
  if (result->status != 200) {
    buf_printf(error, "it answers %d", result->status);
    return ERR_UNAVAILABLE;
  }
  struct keyset *set = keyset_new();
  int err = keyset_add_jwks(set, result->body, result->body_len,
                            &keys->published, left_out, error);
  if (err)
    keyset_unref(set);
  else
    jwt_key_publish_take(keys->key, set);
  return err;
}

static void on_next(uv_timer_t *timer);

static void again_in(struct keys *keys, bool ok) {
  uint64_t ms = (uint64_t)(keys->config->auth_jwks_refresh_s * 1000.0);
  uv_timer_start(&keys->again, on_next, ok || ms < RETRY_MS ? ms : RETRY_MS, 0);
}

static void ended(struct keys *keys, bool ok) {
  if (ok)
    keys->fetched++;
  else
    keys->failed++;
  again_in(keys, ok);
  refill_end(jwt_key_refill(keys->key), ok);
}

static void on_jwks_fetched(struct fetch *fetch, void *arg) {
  struct keys *keys = arg;
  const struct fetch_result *result = fetch_result(fetch);
  struct buf error = {0}, left_out = {0};
  const char *url = keys->config->auth_jwks_url;
  int err = publish(keys, result, &left_out, &error);
  if (err)
    log_warn("auth.jwks_url: no keys from %s: %.*s; those there are, keys=%zu, "
             "go on",
             url, (int)error.len, error.data, jwt_key_count(keys->key));
  else if (keys->fetched == 0)
    log_info("auth.jwks_url: keys=%zu from %s", jwt_key_count(keys->key), url);
  else
    log_debug("auth.jwks_url: keys=%zu from %s", jwt_key_count(keys->key), url);
  if (!err && left_out.len && keys->fetched == 0)
    log_warn("auth.jwks_url: left out: %.*s", (int)left_out.len, left_out.data);
  buf_free(&left_out);
  buf_free(&error);
  fetch_free(fetch);
  keys->fetch = NULL;
  ended(keys, err == 0);
}

static void fetch_keys(struct keys *keys) {
  static const char accept[] = "accept\0application/json";
  struct fetch_request request = {
      .url = keys->config->auth_jwks_url,
      .method = "GET",
      .headers = {accept, sizeof accept},
      .timeout_ms = FETCH_MS,
      .connect_timeout_ms = CONNECT_MS,
      .max_bytes = KEYSET_TEXT_BYTES,
      .done = on_jwks_fetched,
      .arg = keys,
  };
  const char *why;
  if (!refill_begin(jwt_key_refill(keys->key)))
    return;
  if (fetch_start(keys->fetcher, &request, &keys->fetch, &why) == FETCH_OK)
    return;
  log_warn("auth.jwks_url: %s", why);
  ended(keys, false);
}

static void on_next(uv_timer_t *timer) {
  fetch_keys(timer->data);
}

static void on_wanted(uv_async_t *handle) {
  fetch_keys(handle->data);
}

void keys_start(struct keys *keys, uv_loop_t *loop) {
  struct refill *refill = jwt_key_refill(keys->key);
  struct fetch_limits limits = {.at_once = 1,
                                .ca_file = keys->config->fetch_ca_file};
  if (!refill)
    return;
  keys->fetcher = fetcher_new(loop, &limits);
  if (!keys->fetcher) {
    log_error("auth.jwks_url: libcurl does not start");
    return;
  }
  uv_timer_init(loop, &keys->again);
  uv_async_init(loop, &keys->wanted, on_wanted);
  keys->again.data = keys->wanted.data = keys;
  refill_serve(refill, &keys->wanted);
  fetch_keys(keys);
}

void keys_close(struct keys *keys) {
  if (!keys->fetcher)
    return;
  refill_serve(jwt_key_refill(keys->key), NULL);
  fetcher_close(keys->fetcher);
  uv_close((uv_handle_t *)&keys->again, NULL);
  uv_close((uv_handle_t *)&keys->wanted, NULL);
}

/* --- reloads ------------------------------------------------------------ */

int keys_read(struct keys *keys, const struct config *config,
              struct buf *error) {
  keys_drop(keys);
  keys->next_published = key_published_rules(config);
  keys->next = key_load(config, NULL, error);
  return keys->next ? 0 : ERR_CONFIG;
}

void keys_use(struct keys *keys) {
  jwt_key_replace_take(keys->key, keys->next);
  keys->published = keys->next_published;
  keys->next = NULL;
  log_debug("the keys of tokens were read again, keys=%zu",
            jwt_key_count(keys->key));
  if (keys->fetcher)
    fetch_keys(keys);
}

void keys_drop(struct keys *keys) {
  jwt_key_free(keys->next);
  keys->next = NULL;
}

void keys_free(struct keys *keys) {
  fetch_free(keys->fetch);
  fetcher_free(keys->fetcher);
  keys_drop(keys);
  jwt_key_free(keys->key);
}
