/* SPDX-License-Identifier: MIT
 * Tokens in headers. */
#include "edge/credential.h"

#include <openssl/crypto.h>
#include <string.h>
#include <strings.h>

static const char spaces[] = " \t";

const char *credential_bearer(const char *authorization) {
  static const char scheme[] = "Bearer";
  size_t len = sizeof scheme - 1;
  if (strncasecmp(authorization, scheme, len) != 0 || authorization[len] != ' ')
    return NULL;
  const char *token = authorization + len + strspn(authorization + len, spaces);
  return *token ? token : NULL;
}

const char *credential_cookie(const char *cookies, const char *name,
                              size_t *len) {
  size_t name_len = strlen(name);
  while (*cookies) {
    cookies += strspn(cookies, spaces);
    size_t pair = strcspn(cookies, ";");
    if (pair > name_len && !memcmp(cookies, name, name_len) &&
        cookies[name_len] == '=') {
      const char *value = cookies + name_len + 1;
      *len = pair - name_len - 1;
      while (*len > 0 && strchr(spaces, value[*len - 1]))
        --*len;
      if (*len >= 2 && value[0] == '"' && value[*len - 1] == '"') {
        value++;
        *len -= 2;
      }
      return *len > 0 ? value : NULL;
    }
    cookies += pair + (cookies[pair] == ';');
  }
  return NULL;
}

/* Finds the token in what is copied to `out` for that; so many bytes are
 * `used`. NULL if there is none. */
static const char *find_token(const struct request *request,
                              const struct config *config, bool raw,
                              char out[CREDENTIAL_BYTES], size_t *len,
                              size_t *used) {
  const struct slice *authorization = request_field(request, "authorization");
  const char *token = NULL;
  *used = 0;
  if ((config->auth_header || raw) && authorization &&
      slice_copy(*authorization, out, CREDENTIAL_BYTES)) {
    *used = authorization->len;
    token = credential_bearer(out);
    *len = token ? strlen(token) : 0;
  }
  if (!token && *config->auth_cookie) {
    size_t joined =
        request_join(request, "cookie", "; ", out, CREDENTIAL_BYTES);
    *used = joined > *used ? joined : *used; /* `cap`, if it has no room */
    if (joined > 0)
      token = credential_cookie(out, config->auth_cookie, len);
  }
  return token;
}

bool credential_get(const struct request *request, const struct config *config,
                    bool raw, char out[CREDENTIAL_BYTES], size_t *len) {
  size_t used, kept = 0;
  const char *token = find_token(request, config, raw, out, len, &used);
  if (token) {
    memmove(out, token, *len);
    kept = *len;
  }
  if (used > kept)
    OPENSSL_cleanse(out + kept, used - kept);
  out[kept] = '\0';
  return token != NULL;
}
