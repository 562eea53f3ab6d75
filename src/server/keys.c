/* SPDX-License-Identifier: MIT
 * The keys of tokens, as the process has them. */
#include "server/keys.h"

#include "base/err.h"
#include "base/log.h"

int keys_load(struct keys *keys, const struct config *config,
              struct buf *error) {
  *keys = (struct keys){.key = key_load(config, NULL, error)};
  return keys->key ? 0 : ERR_CONFIG;
}

int keys_read(struct keys *keys, const struct config *config,
              struct buf *error) {
  keys_drop(keys);
  keys->next = key_load(config, NULL, error);
  return keys->next ? 0 : ERR_CONFIG;
}

void keys_use(struct keys *keys) {
  jwt_key_replace_take(keys->key, keys->next);
  keys->next = NULL;
  log_debug("the keys of tokens were read again, keys=%zu",
            jwt_key_count(keys->key));
}

void keys_drop(struct keys *keys) {
  jwt_key_free(keys->next);
  keys->next = NULL;
}

void keys_free(struct keys *keys) {
  keys_drop(keys);
  jwt_key_free(keys->key);
}
