/* SPDX-License-Identifier: MIT
 * The keys of tokens, as the process has them. */
#include "server/keys.h"

#include "base/err.h"
#include "base/log.h"

int keys_load(struct keys *keys, const struct config *config,
              struct buf *error) {
  *keys = (struct keys){.config = config};
  keys->key = key_load(config, NULL, error);
  return keys->key ? 0 : ERR_CONFIG;
}

static bool has_files(const struct config *config) {
  return config->auth_secret_file[0] || config->auth_public_key_file[0] ||
         config->auth_jwks_file[0];
}

void keys_reread(struct keys *keys) {
  struct buf error = {0};
  if (!has_files(keys->config))
    return;
  struct jwt_key *key = key_load(keys->config, NULL, &error);
  if (key) {
    jwt_key_replace_take(keys->key, key);
    log_info("the keys of tokens were read again, keys=%zu",
             jwt_key_count(keys->key));
  } else {
    log_error("the keys of tokens stay as they were: %.*s", (int)error.len,
              error.data);
  }
  buf_free(&error);
}

void keys_free(struct keys *keys) {
  jwt_key_free(keys->key);
}
