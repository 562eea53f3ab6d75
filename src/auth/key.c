/* SPDX-License-Identifier: MIT
 * The key for tokens that the configuration names. */
#include "auth/key.h"

#include "base/err.h"
#include "config/file.h"

#include <math.h>
#include <string.h>

struct jwt_key *key_load(const struct config *cfg, const char *pem_path,
                         struct buf *error) {
  struct jwt_key *key = NULL;
  struct buf pem = {0};
  const char *name = "auth.secret";
  struct jwt_rules rules = {
      .algorithm = (enum jwt_algorithm)cfg->auth_algorithm,
      .key = cfg->auth_secret,
      .len = strlen(cfg->auth_secret),
      .user_claim = cfg->auth_user_claim,
      .issuer = cfg->auth_issuer,
      .audience = cfg->auth_audience,
      .leeway_s = (int64_t)ceil(cfg->auth_leeway_s),
  };
  if (rules.algorithm > JWT_HS512) {
    name = pem_path ? pem_path : cfg->auth_public_key_file;
    if (file_read(name, &pem, error) < 0)
      goto out;
    rules.key = pem.data;
    rules.len = pem.len;
  }
  struct buf why = {0};
  key = jwt_key_new(&rules, &why);
  if (!key)
    buf_printf(error, "%s: %.*s", name, (int)why.len, why.data);
  buf_free(&why);
out:
  if (pem.data)
    explicit_bzero(pem.data, pem.len);
  buf_free(&pem);
  return key;
}
