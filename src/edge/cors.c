/* SPDX-License-Identifier: MIT
 * Pages of other origins. */
#include "edge/cors.h"

#include "config/config.h"
#include "edge/origin.h"

enum {
  ORIGIN_BYTES = 256,
  NAMES_BYTES_MAX = 1024, /* of headers that a page asks for */
  PREFLIGHT_S = 600,      /* that its answer holds */
};

/* The page's origin; "?" if it is too long to be in a list, "" if none asks. */
static void get_origin(const struct request *request, char out[ORIGIN_BYTES]) {
  const struct slice *field = request_field(request, "origin");
  *out = '\0';
  if (field && !slice_copy(*field, out, ORIGIN_BYTES)) {
    out[0] = '?';
    out[1] = '\0';
  }
}

bool cors_may_ask(const struct config *config, const struct request *request) {
  char origin[ORIGIN_BYTES], host[ORIGIN_BYTES];
  if (slice_equals(request->method, "GET") ||
      slice_equals(request->method, "HEAD") ||
      slice_equals(request->method, "OPTIONS"))
    return true;
  get_origin(request, origin);
  slice_copy(request->host, host, sizeof host);
  return origin_allowed(config->origins, origin, host);
}

/* Whether an entry of `origins` names it. */
static bool names_origin(char *const *list, const char *origin) {
  for (; *list; list++) {
    char *const one[] = {*list, NULL};
    if (strcmp(*list, "*") != 0 && origin_allowed(one, origin, ""))
      return true;
  }
  return false;
}

/* False if the page is none, or not trusted. */
static bool put_page(struct buf *out, const struct config *config,
                     const struct request *request) {
  char origin[ORIGIN_BYTES];
  get_origin(request, origin);
  if (!*config->origins)
    return false;
  buf_puts(out, "Vary: Origin\r\n");
  if (!*origin || !origin_allowed(config->origins, origin, ""))
    return false;
  if (names_origin(config->origins, origin))
    buf_printf(out,
               "Access-Control-Allow-Origin: %s\r\n"
               "Access-Control-Allow-Credentials: true\r\n",
               origin);
  else
    buf_puts(out, "Access-Control-Allow-Origin: *\r\n");
  return true;
}

void cors_put(struct buf *out, const struct config *config,
              const struct request *request) {
  (void)put_page(out, config, request);
}

void cors_put_preflight(struct buf *out, const struct config *config,
                        const struct request *request, struct slice methods) {
  const struct slice *names =
      request_field(request, "access-control-request-headers");
  if (!put_page(out, config, request) ||
      !request_field(request, "access-control-request-method"))
    return;
  buf_printf(out,
             "Access-Control-Allow-Methods: %.*s\r\n"
             "Access-Control-Max-Age: %d\r\n",
             (int)methods.len, methods.at, PREFLIGHT_S);
  if (names && names->len > 0 && names->len <= NAMES_BYTES_MAX)
    buf_printf(out, "Access-Control-Allow-Headers: %.*s\r\n", (int)names->len,
               names->at);
}
