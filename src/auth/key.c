/* SPDX-License-Identifier: MIT
 * The keys for tokens that the configuration names. */
#include "auth/key.h"

#include "auth/base64url.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/file.h"

#include <math.h>
#include <string.h>

#define BASE64 "base64:"

/* What is read for a key, to be wiped. */
struct material {
  struct buf key, jwks, left_out;
  const char *name; /* of the option or file of `key` */
};

static void wipe(struct buf *buf) {
  if (buf->data)
    explicit_bzero(buf->data, buf->cap);
  buf_free(buf);
}

/* ---- the secret ---- */

static size_t without_line_break(const char *text, size_t len) {
  if (len > 0 && text[len - 1] == '\n')
    len--;
  if (len > 0 && text[len - 1] == '\r')
    len--;
  return len;
}

/* Standard base64 or that of URLs, with or without padding. */
static int decode_base64(struct buf *key) {
  size_t len = without_line_break(key->data, key->len);
  char *text = mem_strndup(key->data, len);
  while (len > 0 && text[len - 1] == '=')
    len--;
  for (size_t i = 0; i < len; i++)
    text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
  int n = base64url_decode(text, len, (unsigned char *)key->data);
  explicit_bzero(text, len);
  mem_free(text);
  key->len = n > 0 ? (size_t)n : 0;
  return n > 0 ? 0 : ERR_CONFIG;
}

/* A secret from an environment or a file often has on it what only carried it
 * there; then every token fails. */
static void warn_about(const struct material *material) {
  const char *text = material->key.data;
  size_t len = material->key.len;
  if (len < 2)
    return;
  char first = text[0], last = text[len - 1];
  if (last == '\n' || last == '\r')
    log_warn("%s ends with a line break (newline), which is taken as part of "
             "the secret: tokens will fail unless their maker does the same",
             material->name);
  else if (strchr(" \t", last) || strchr(" \t\r\n", first))
    log_warn("%s has a space before or after it, which is taken as part of the "
             "secret: tokens will fail unless their maker does the same",
             material->name);
  else if (strchr("\"'", first) && first == last)
    log_warn("%s has quotes around it, which are taken as part of the secret: "
             "tokens will fail unless their maker does the same",
             material->name);
}

static int check_secret_length(const struct config *cfg,
                               const struct material *material,
                               struct buf *error) {
  size_t want = config_secret_bytes(cfg);
  if (material->key.len >= want)
    return 0;
  buf_printf(error, "%s: %zu bytes are too short, at least %zu are needed",
             material->name, material->key.len, want);
  return ERR_CONFIG;
}

static int read_secret(const struct config *cfg, struct material *material,
                       struct buf *error) {
  struct buf *key = &material->key;
  bool plain = !cfg->auth_secret_file[0];
  material->name = "auth.secret";
  if (cfg->auth_secret_file[0]) {
    material->name = cfg->auth_secret_file;
    if (file_read(material->name, key, error) < 0)
      return ERR_CONFIG;
    key->len = without_line_break(key->data, key->len);
  } else {
    buf_puts(key, cfg->auth_secret);
  }
  if (key->len > strlen(BASE64) && !memcmp(key->data, BASE64, strlen(BASE64))) {
    key->len -= strlen(BASE64);
    memmove(key->data, key->data + strlen(BASE64), key->len);
    if (decode_base64(key) < 0) {
      buf_printf(error, "%s: what stands after `" BASE64 "` is no base64",
                 material->name);
      return ERR_CONFIG;
    }
  } else {
    warn_about(material);
    if (plain)
      return 0;
  }
  return check_secret_length(cfg, material, error);
}

/* ---- all of them ---- */

/* An algorithm that is no HS one was chosen: key sets may have no other. */
static uint32_t allowed_algorithms(const struct config *cfg) {
  enum jwt_algorithm only = (enum jwt_algorithm)cfg->auth_algorithm;
  return jwt_is_hmac(only) ? JWT_BITS_ALL : JWT_BIT(only);
}

struct jwks_rules key_published_rules(const struct config *cfg) {
  return (struct jwks_rules){.algorithms =
                                 allowed_algorithms(cfg) & ~JWT_BITS_HS};
}

static int read_material(const struct config *cfg, const char *pem_path,
                         struct material *material, struct buf *error) {
  if (jwt_is_hmac((enum jwt_algorithm)cfg->auth_algorithm)) {
    if (read_secret(cfg, material, error) < 0)
      return ERR_CONFIG;
  } else {
    const char *path = pem_path ? pem_path : cfg->auth_public_key_file;
    material->name = *path ? path : "auth.public_key_file";
    if (*path && file_read(path, &material->key, error) < 0)
      return ERR_CONFIG;
  }
  if (!cfg->auth_jwks_file[0])
    return 0;
  if (!material->key.len)
    material->name = cfg->auth_jwks_file;
  return file_read(cfg->auth_jwks_file, &material->jwks, error) < 0 ? ERR_CONFIG
                                                                    : 0;
}

static struct jwt_rules rules_of(const struct config *cfg,
                                 const struct material *material) {
  enum jwt_algorithm algorithm = (enum jwt_algorithm)cfg->auth_algorithm;
  return (struct jwt_rules){
      .algorithm = algorithm,
      .key = material->key.data,
      .len = material->key.len,
      .jwks = material->jwks.data,
      .jwks_len = material->jwks.len,
      .jwks_rules = {.algorithms = allowed_algorithms(cfg),
                     .of_secrets = algorithm,
                     .secrets = true},
      .awaited =
          cfg->auth_jwks_url[0] ? key_published_rules(cfg).algorithms : 0,
      .claims = {.user_claim = cfg->auth_user_claim,
                 .issuer = cfg->auth_issuer,
                 .audience = cfg->auth_audience,
                 .leeway_s = (int64_t)ceil(cfg->auth_leeway_s),
                 .require_exp = cfg->auth_require_exp},
      .token_bytes = cfg->auth_token_bytes,
  };
}

static struct jwt_key *make_key_of(const struct config *cfg,
                                   struct material *material,
                                   struct buf *error) {
  struct jwt_rules rules = rules_of(cfg, material);
  struct buf why = {0};
  struct jwt_key *key = jwt_key_new(&rules, &material->left_out, &why);
  const char *set = material->jwks.len ? cfg->auth_jwks_file : "";
  if (!key && material->key.len && *set)
    buf_printf(error, "%s or %s: %.*s", material->name, set, (int)why.len,
               why.data);
  else if (!key)
    buf_printf(error, "%s: %.*s", material->name, (int)why.len, why.data);
  else if (material->left_out.len)
    log_warn("%s: left out: %.*s", *set ? set : material->name,
             (int)material->left_out.len, material->left_out.data);
  buf_free(&why);
  return key;
}

struct jwt_key *key_load(const struct config *cfg, const char *pem_path,
                         struct buf *error) {
  struct material material = {0};
  struct jwt_key *key = NULL;
  if (read_material(cfg, pem_path, &material, error) == 0)
    key = make_key_of(cfg, &material, error);
  wipe(&material.key);
  wipe(&material.jwks);
  buf_free(&material.left_out);
  return key;
}
