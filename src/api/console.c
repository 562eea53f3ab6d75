/* SPDX-License-Identifier: MIT
 * The console. */
#include "api/console.h"

#include "api/exchange.h"
#include "api/http_answer.h"
#include "base/embedded.h"
#include "base/log.h"
#include "config/address.h"
#include "edge/credential.h"
#include "edge/origin.h"
#include "wire/json.h"

#include <stdio.h>
#include <string.h>

enum {
  HOST_BYTES = 256,
  COOKIES_BYTES = 8192,
  COOKIE_NAME_BYTES = 24,
  ORIGIN_BYTES = HOST_BYTES + 8,
};

static const char root[] = "/console/";

/* What a page may do: nothing but what it is made of, and nobody may put it
 * into a frame. */
#define GUARDS                                                                 \
  "Content-Security-Policy: default-src 'none'; script-src 'self'; "           \
  "style-src 'self'; img-src 'self'; connect-src 'self'%s; base-uri 'none'; "  \
  "form-action 'none'; frame-ancestors 'none'\r\n"                             \
  "X-Content-Type-Options: nosniff\r\n"                                        \
  "X-Frame-Options: DENY\r\n"                                                  \
  "Referrer-Policy: no-referrer\r\n"                                           \
  "Cross-Origin-Opener-Policy: same-origin\r\n"                                \
  "Cross-Origin-Resource-Policy: same-origin\r\n"

static uint64_t console_now(void) {
  return uv_hrtime() / 1000000;
}

/* --- whose request ------------------------------------------------------ */

bool console_is_asked(const struct request *request) {
  return slice_equals(request->path, "/") || slice_begins(request->path, root);
}

/* Servers on other ports of the same host have cookies in the same place. */
static void name_cookie(const char *host, char name[COOKIE_NAME_BYTES]) {
  const char *colon = strrchr(host, ':');
  unsigned port = 80;
  if (colon && sscanf(colon, ":%5u", &port) != 1)
    port = 80;
  snprintf(name, COOKIE_NAME_BYTES, "perigee-%u", port);
}

/* The cookie of the session, somewhere in `text`; empty: there is none. */
static struct slice find_cookie(const struct request *request,
                                char text[COOKIES_BYTES]) {
  char host[HOST_BYTES], name[COOKIE_NAME_BYTES];
  size_t len = 0;
  const char *value = NULL;
  slice_copy(request->host, host, sizeof host);
  name_cookie(host, name);
  if (request_join(request, "cookie", "; ", text, COOKIES_BYTES) > 0)
    value = credential_cookie(text, name, &len);
  return value ? (struct slice){value, len} : (struct slice){"", 0};
}

/* Programs send no Origin; a page of ours sends the address it came from. */
static bool is_own_origin(const struct request *request) {
  static char *const only_own[] = {NULL};
  const struct slice *field = request_field(request, "origin");
  char origin[ORIGIN_BYTES], host[HOST_BYTES];
  return !field || (slice_copy(*field, origin, sizeof origin) &&
                    slice_copy(request->host, host, sizeof host) &&
                    origin_allowed(only_own, origin, host));
}

bool console_is_page(struct console_sessions *sessions,
                     const struct request *request, struct api_key *key) {
  const struct slice *page = request_field(request, "perigee-console");
  char cookies[COOKIES_BYTES];
  return page && is_own_origin(request) &&
         console_sessions_find(sessions, find_cookie(request, cookies), *page,
                               console_now(), key);
}

/* --- where clients connect ---------------------------------------------- */

static const char name_bytes[] = "abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]";

/* The port; 0: there is none. */
static int client_port(const struct api_service *service) {
  char host[HOST_BYTES];
  int port;
  if (address_unix_path(service->clients) ||
      address_split(service->clients, host, sizeof host, &port))
    return 0;
  return port;
}

/* Where the page may open WebSockets, beside itself: at the same host, for the
 * playground. */
static void allow_socket(const struct api_service *service,
                         const struct request *request, char *out, size_t cap) {
  char host[HOST_BYTES];
  int port = client_port(service);
  *out = 0;
  if (!port || !slice_copy(request->host, host, sizeof host))
    return;
  if (host[strspn(host, name_bytes)])
    return; /* not what a browser sends */
  char *colon = strrchr(host, ':');
  if (colon && !strchr(colon, ']'))
    *colon = 0;
  snprintf(out, cap, " %s://%s:%d", *service->config->tls_cert ? "wss" : "ws",
           host, port);
}

/* --- pages -------------------------------------------------------------- */

static const struct {
  const char *path, *file, *type;
} files[] = {
    {"/", "console/dist/index.html", "text/html; charset=utf-8"},
    {"/console/console.js", "console/dist/console.js", "text/javascript"},
    {"/console/console.css", "console/dist/console.css", "text/css"},
    {"/console/licenses.txt", "console/dist/licenses.txt", "text/plain"},
    {"/console/icon.svg", "console/dist/icon.svg", "image/svg+xml"},
};

static bool answer_file(const struct api_service *service,
                        struct http_conn *conn, const struct request *request) {
  char socket[HOST_BYTES + 16], headers[sizeof GUARDS + sizeof socket];
  struct http_head head = {.status = 200, .headers = headers};
  allow_socket(service, request, socket, sizeof socket);
  snprintf(headers, sizeof headers, GUARDS, socket);
  for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
    const struct embedded *file = embedded_find(files[i].file);
    if (!file || !slice_equals(request->path, files[i].path))
      continue;
    head.type = files[i].type;
    http_answer(conn, &head, (struct slice){file->data, file->len});
    return true;
  }
  return false;
}

/* --- sessions ----------------------------------------------------------- */

static void put_session_key(struct buf *out, const struct api_key *key) {
  const char *comma = "";
  buf_printf(out, "\"key\":\"%s\",\"allow\":[", key->name);
  for (unsigned i = 0; i < API_GROUP_COUNT; i++) {
    if (!(key->groups & 1U << i))
      continue;
    buf_printf(out, "%s\"%s\"", comma,
               api_group_word((enum api_group)(1U << i)));
    comma = ",";
  }
  buf_putc(out, ']');
}

static void answer_json(struct http_conn *conn, const char *headers,
                        const struct buf *body) {
  struct http_head head = {
      .status = 200, .type = "application/json", .headers = headers};
  http_answer(conn, &head, (struct slice){body->data, body->len});
}

static void refuse_random(struct api_service *service, struct http_conn *conn) {
  struct problem problem;
  problem_set(&problem, ERR_SYSTEM, "no random bytes are to be had");
  exchange_refuse(service, conn, &problem);
}

const struct api_key *console_developer(const struct api_service *service,
                                        const struct http_conn *conn,
                                        const struct request *request) {
  const char *from = service->config->from[OPTION_AT_api_keys];
  bool is_one =
      strcmp(from, CONFIG_MADE) == 0 && service->keys->count > 0 &&
      !request_field(request, "authorization") &&
      !request_field(request, "origin") &&
      !request_field(request, "sec-fetch-site") && /* of no page */
      (strncmp(conn->ip, "127.", 4) == 0 || strcmp(conn->ip, "::1") == 0);
  return is_one ? &service->keys->list[0] : NULL;
}

/* The key that comes with the request; NULL: none, or one that opens nothing,
 * and it was refused. */
static const struct api_key *take_admin_key(struct api_service *service,
                                            struct http_conn *conn,
                                            const struct request *request) {
  struct problem problem;
  const struct api_key *key =
      api_keys_find(service->keys, request_field(request, "authorization"));
  if (!key)
    key = console_developer(service, conn, request);
  if (key && key->groups & API_ADMIN)
    return key;
  if (key)
    problem_set(&problem, ERR_FORBIDDEN,
                "the key `%s` may not `admin`: see `allow` in api.keys",
                key->name);
  else
    api_service_refuse_key(service, conn, &problem);
  exchange_refuse(service, conn, &problem);
  return NULL;
}

static void answer_link(struct api_service *service, struct http_conn *conn,
                        const struct request *request) {
  const struct api_key *key = take_admin_key(service, conn, request);
  char secret[CONSOLE_SECRET_BYTES + 1];
  struct buf out = {0};
  if (!key)
    return;
  if (!console_sessions_link(&service->sessions, key, console_now(), secret)) {
    refuse_random(service, conn);
    return;
  }
  log_info("console link made key=%s ip=%s", key->name, conn->ip);
  buf_printf(&out, "{\"link\":\"%s\",\"key\":\"%s\",\"ends_s\":%d}", secret,
             key->name, CONSOLE_LINK_MS / 1000);
  answer_json(conn, NULL, &out);
  buf_free(&out);
}

static void begin_session(struct api_service *service, struct http_conn *conn,
                          const struct request *request,
                          const struct api_key *key) {
  char cookie[CONSOLE_SECRET_BYTES + 1], page[CONSOLE_SECRET_BYTES + 1];
  char host[HOST_BYTES], name[COOKIE_NAME_BYTES], headers[256];
  double length_s = service->config->console_session_s;
  struct buf out = {0};
  if (!console_sessions_begin(&service->sessions, key, console_now(),
                              (uint64_t)(length_s * 1000), cookie, page)) {
    refuse_random(service, conn);
    return;
  }
  slice_copy(request->host, host, sizeof host);
  name_cookie(host, name);
  snprintf(headers, sizeof headers,
           "Set-Cookie: %s=%s; Path=/; Max-Age=%.0f; HttpOnly; "
           "SameSite=Strict\r\n",
           name, cookie, length_s);
  service->figures.entered++;
  log_info("console session begun key=%s ip=%s", key->name, conn->ip);
  buf_printf(&out, "{\"page\":\"%s\",\"ends_s\":%.0f,", page, length_s);
  put_session_key(&out, key);
  buf_putc(&out, '}');
  answer_json(conn, headers, &out);
  buf_free(&out);
}

static void answer_enter(struct api_service *service, struct http_conn *conn,
                         const struct request *request) {
  static const char scheme[] = "Link ";
  const struct slice *field = request_field(request, "authorization");
  const struct api_key *key;
  struct api_key owner;
  struct problem problem;
  if (field && slice_begins(*field, scheme)) {
    struct slice secret = slice_after(*field, sizeof scheme - 1);
    if (console_sessions_follow(&service->sessions, secret, console_now(),
                                &owner)) {
      begin_session(service, conn, request, &owner);
      return;
    }
    if (!api_service_refuse_key(service, conn, &problem) &&
        problem.status == 401)
      snprintf(problem.detail, sizeof problem.detail,
               "this link was used, or is too old: `perigee console` makes "
               "another");
    exchange_refuse(service, conn, &problem);
    return;
  }
  key = take_admin_key(service, conn, request);
  if (key)
    begin_session(service, conn, request, key);
}

static void answer_leave(struct api_service *service, struct http_conn *conn,
                         const struct request *request) {
  char cookies[COOKIES_BYTES], host[HOST_BYTES], name[COOKIE_NAME_BYTES];
  char headers[128];
  struct buf out = {0};
  console_sessions_end(&service->sessions, find_cookie(request, cookies));
  slice_copy(request->host, host, sizeof host);
  name_cookie(host, name);
  snprintf(headers, sizeof headers,
           "Set-Cookie: %s=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict\r\n",
           name);
  buf_puts(&out, "{}");
  answer_json(conn, headers, &out);
  buf_free(&out);
}

static void answer_about(struct api_service *service, struct http_conn *conn,
                         const struct request *request) {
  struct api_key key;
  struct problem problem;
  struct buf out = {0};
  if (!console_is_page(&service->sessions, request, &key)) {
    api_service_refuse_key(service, conn, &problem);
    exchange_refuse(service, conn, &problem);
    return;
  }
  buf_printf(&out,
             "{\"version\":\"" PERIGEE_VERSION
             "\",\"clients\":{\"port\":%d,\"tls\":%s},",
             client_port(service),
             *service->config->tls_cert ? "true" : "false");
  put_session_key(&out, &key);
  buf_putc(&out, '}');
  answer_json(conn, NULL, &out);
  buf_free(&out);
}

/* --- requests ----------------------------------------------------------- */

static const struct {
  const char *method, *path;
  void (*answer)(struct api_service *service, struct http_conn *conn,
                 const struct request *request);
} doors[] = {
    {"POST", "/console/link", answer_link},
    {"POST", "/console/enter", answer_enter},
    {"POST", "/console/leave", answer_leave},
    {"GET", "/console/about", answer_about},
};

/* A stranger's page that makes a name of its own point here is refused, as is
 * one that says where it comes from. */
static bool is_safe(const struct api_service *service,
                    const struct request *request) {
  char host[HOST_BYTES] = "", own[HOST_BYTES] = "";
  int port;
  if (!address_unix_path(service->config->admin_listen) &&
      address_split(service->config->admin_listen, own, sizeof own, &port))
    *own = 0;
  return is_own_origin(request) &&
         slice_copy(request->host, host, sizeof host) &&
         origin_host_is_safe(host, *own ? own : NULL);
}

static void refuse_console(struct api_service *service, struct http_conn *conn,
                           unsigned status, const char *text,
                           const char *headers) {
  struct problem problem;
  problem_set(&problem, status == 404 ? ERR_NOT_FOUND : ERR_BAD_REQUEST, "%s",
              text);
  problem.status = status;
  problem.headers = headers;
  exchange_refuse(service, conn, &problem);
}

void console_answer(struct api_service *service, struct http_conn *conn,
                    const struct request *request) {
  bool get = slice_equals(request->method, "GET") || conn->bare;
  if (!is_safe(service, request)) {
    refuse_console(service, conn, 403,
                   "ask by address, as localhost, or by the name in "
                   "admin.listen, and from no other page",
                   NULL);
    return;
  }
  for (size_t i = 0; i < ARRAY_SIZE(doors); i++) {
    if (!slice_equals(request->path, doors[i].path))
      continue;
    bool post = !strcmp(doors[i].method, "POST");
    if (slice_equals(request->method, doors[i].method))
      doors[i].answer(service, conn, request);
    else
      refuse_console(service, conn, 405, "another method is needed",
                     post ? "Allow: POST\r\n" : "Allow: GET\r\n");
    return;
  }
  if (!get)
    refuse_console(service, conn, 405, "another method is needed",
                   "Allow: GET, HEAD\r\n");
  else if (!answer_file(service, conn, request))
    refuse_console(service, conn, 404, "there is no such page", NULL);
}
