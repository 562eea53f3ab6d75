/* SPDX-License-Identifier: MIT
 * The admin address. */
#include "edge/admin.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/address.h"
#include "config/config.h"
#include "edge/origin.h"
#include "edge/response.h"
#include "net/tcp.h"

#include <string.h>
#include <unistd.h>

enum {
  PATH_BYTES = 64,
  HOST_BYTES = 256,
  BODY_BYTES_MAX = 4096, /* of a request: none of them needs any */
  SOCKETS_MAX = 256,
  REQUEST_MS = 10000,
  ANSWER_MS = 600000, /* a reload may take its time */
  /* Requests that are answered at once; more wait for their turn. */
  RELAYS_MAX = 40,
  DESCRIPTORS = 64,
};

struct admin_request {
  struct lws *wsi; /* NULL when the client has gone */
  unsigned status; /* 0 until it is answered */
  const char *type;
  struct buf body;
  bool head;
};

/* What libwebsockets keeps for each connection. */
struct session {
  struct admin_request *request; /* NULL: none waits */
};

static struct admin *admin_of(struct lws *wsi) {
  return lws_context_user(lws_get_context(wsi));
}

/* --- answers ------------------------------------------------------------ */

static void free_admin_request(struct admin_request *request) {
  buf_free(&request->body);
  mem_free(request);
}

static struct admin_request *new_admin_request(struct lws *wsi,
                                               struct session *session) {
  struct admin_request *request = mem_alloc(sizeof *request);
  request->wsi = wsi;
  request->head = lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI) > 0;
  session->request = request;
  lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0); /* it waits for us now */
  return request;
}

void admin_answer(struct admin_request *request, unsigned status,
                  const char *type, struct buf *body) {
  request->status = status;
  request->type = type;
  request->body = *body;
  *body = (struct buf){0};
  if (request->wsi)
    lws_callback_on_writable(request->wsi);
  else
    free_admin_request(request);
}

static int on_writeable(struct lws *wsi, struct session *session) {
  struct admin_request *request = session->request;
  if (!request || !request->status)
    return 0;
  struct response response = {.status = request->status,
                              .type = request->type,
                              .body = request->body.data,
                              .len = request->body.len,
                              .head = request->head};
  session->request = NULL;
  int result = response_end(wsi, response);
  free_admin_request(request);
  return result;
}

static int on_client_gone(struct session *session) {
  struct admin_request *request = session ? session->request : NULL;
  if (!request)
    return 0;
  session->request = NULL;
  request->wsi = NULL;
  if (request->status)
    free_admin_request(request);
  return 0;
}

/* --- requests ----------------------------------------------------------- */

static int answer_words(struct admin *admin, struct lws *wsi,
                        unsigned (*say)(void *arg, struct buf *text)) {
  struct buf text = {0};
  unsigned status = say(admin->arg, &text);
  struct response response = {
      .status = status, .body = text.data, .len = text.len};
  int result = response_end(wsi, response);
  buf_free(&text);
  return result;
}

/* Whether the query has the argument ("check="), and does not say no. */
static bool has_argument(struct lws *wsi, const char *name) {
  char arg[16];
  const char *value = lws_get_urlarg_by_name(wsi, name, arg, sizeof arg);
  return value && strcmp(value, "0") != 0 && strcmp(value, "false") != 0;
}

static void answer_stats(struct lws *wsi, struct session *session) {
  struct admin *admin = admin_of(wsi);
  bool collect = has_argument(wsi, "collect=");
  admin->calls->stats(admin->arg, new_admin_request(wsi, session), collect);
}

static int answer_reload(struct lws *wsi, struct session *session) {
  struct admin *admin = admin_of(wsi);
  bool check = has_argument(wsi, "check="), all = has_argument(wsi, "all=");
  admin->calls->reload(admin->arg, new_admin_request(wsi, session), check, all);
  return 0;
}

static int on_request(struct lws *wsi, struct session *session) {
  struct admin *admin = admin_of(wsi);
  char path[PATH_BYTES] = "";
  if (lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_GET_URI) <= 0)
    lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_HEAD_URI);
  if (!strcmp(path, "/healthz"))
    return answer_words(admin, wsi, admin->calls->health);
  if (!strcmp(path, "/readyz"))
    return answer_words(admin, wsi, admin->calls->ready);
  if (!strcmp(path, "/metrics"))
    admin->calls->metrics(admin->arg, new_admin_request(wsi, session));
  else if (!strcmp(path, "/stats"))
    answer_stats(wsi, session);
  else if (!strcmp(path, "/nodes"))
    admin->calls->nodes(admin->arg, new_admin_request(wsi, session));
  else if (!strcmp(path, "/interface"))
    admin->calls->interface(admin->arg, new_admin_request(wsi, session));
  else if (!strcmp(path, "/reload"))
    return answer_reload(wsi, session);
  else if (!strcmp(path, "/")) /* else the API's thread had answered */
    return response_end_text(
        wsi, 404, "the console needs one of api.keys, with `admin`\n");
  else
    return response_end_text(wsi, 404, "not found\n");
  return 0;
}

static int on_admin_event(struct lws *wsi, enum lws_callback_reasons reason,
                          void *user, void *in, size_t len) {
  switch (reason) {
  case LWS_CALLBACK_HTTP:
    return on_request(wsi, user);
  case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: /* relays ask for none */
  case LWS_CALLBACK_RECEIVE:
  case LWS_CALLBACK_RAW_RX:
    return -1;
  case LWS_CALLBACK_HTTP_WRITEABLE:
    return on_writeable(wsi, user);
  case LWS_CALLBACK_CLOSED_HTTP:
  case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
    return on_client_gone(user);
  default:
    return lws_callback_http_dummy(wsi, reason, user, in, len);
  }
}

/* --- which requests get that far ---------------------------------------- */

/* Why the request is none that an operator sends; NULL: it is one. Browsers
 * always send a Host; the checks of a load balancer may do without. */
static const char *browser_fault(const struct admin *admin,
                                 const struct request *request) {
  char host[HOST_BYTES];
  if (request_field(request, "origin") &&
      !admin->calls->is_from_console(admin->arg, request))
    return "not for browsers: the request has an Origin\n";
  slice_copy(request->host, host, sizeof host);
  if (request->has_host && !origin_host_is_safe(host, admin->host))
    return "ask by address, as localhost, or by the name in admin.listen\n";
  return NULL;
}

static struct refusal check_method(const struct request *request) {
  static const char *const looks[] = {"/healthz", "/readyz", "/nodes",
                                      "/metrics", "/stats",  "/interface"};
  bool post = slice_equals(request->method, "POST");
  bool get = slice_equals(request->method, "GET") ||
             slice_equals(request->method, "HEAD");
  bool acts = slice_equals(request->path, "/reload");
  if ((acts && post) || (!acts && get))
    return (struct refusal){0};
  for (size_t i = 0; i < ARRAY_SIZE(looks); i++)
    if (slice_equals(request->path, looks[i]) || (!post && !get))
      return (struct refusal){.status = 405,
                              .text = "another method is needed\n",
                              .headers = "Allow: GET, HEAD\r\n"};
  if (acts)
    return (struct refusal){.status = 405,
                            .text = "another method is needed\n",
                            .headers = "Allow: POST\r\n"};
  return (struct refusal){.status = 404, .text = "not found\n"};
}

/* A body is none of our business, and is dropped with what comes after it. */
static struct refusal check_request(const struct admin *admin,
                                    const struct request *request) {
  const char *fault = browser_fault(admin, request);
  if (fault)
    return (struct refusal){.status = 403, .text = fault};
  struct refusal refusal = check_method(request);
  if (!refusal.status && request->length > BODY_BYTES_MAX)
    return (struct refusal){.status = 413, .text = "no body is needed\n"};
  return refusal;
}

/* The head and what came behind it stand in one piece. */
static void pass_call(struct admin *admin, struct visitor *visitor,
                      const struct request *request, struct slice rest) {
  const char *start = request->method.at;
  struct slice read = {start, (size_t)(rest.at + rest.len - start)};
  struct transport socket = visitor_take(visitor);
  admin->pass(admin->pass_arg, socket.watch.fd, visitor->socket.ip, read);
  visitor_free(visitor);
}

/* The API and the console (api/api) have connections in common with us. */
static bool is_of_api(const struct request *request) {
  return slice_begins(request->path, "/api/") ||
         slice_begins(request->path, "/console/") ||
         slice_equals(request->path, "/");
}

static void route_admin(void *arg, struct visitor *visitor,
                        const struct request *request, struct slice rest) {
  struct admin *admin = arg;
  if (admin->pass && is_of_api(request)) {
    pass_call(admin, visitor, request, rest);
    return;
  }
  struct refusal refusal = check_request(admin, request);
  if (refusal.status)
    visitor_refuse(visitor, &refusal);
  else
    relay_request(&admin->relays, visitor, request);
}

/* --- life --------------------------------------------------------------- */

static const struct lws_protocols protocols[] = {
    {.name = "perigee-admin",
     .callback = on_admin_event,
     .per_session_data_size = sizeof(struct session)},
    {0},
};

static int open_admin_library(struct admin *admin, uv_loop_t *loop) {
  struct library_plan plan = {.name = "admin",
                              .protocols = protocols,
                              .arg = admin,
                              .descriptors = DESCRIPTORS};
  admin->relays = (struct relays){.library = &admin->library,
                                  .poller = &admin->poller,
                                  .input = admin->input,
                                  .max = RELAYS_MAX};
  relays_open(&admin->relays);
  return library_open(&admin->library, loop, &plan);
}

static void warn_if_public(const char *address) {
  if (strncmp(address, "127.", 4) != 0 && strncmp(address, "[::1]", 5) != 0 &&
      !address_unix_path(address))
    log_warn("admin.listen: whoever reaches %s may reload the scripts and "
             "read the metrics; nobody is asked for a password",
             address);
}

static void on_admin_turn_end(uv_prepare_t *prepare) {
  visitors_look(
      &container_of(prepare, struct admin, end_of_turn)->door.visitors);
}

static int open_admin_door(struct admin *admin, uv_loop_t *loop) {
  if (poller_open(&admin->poller, loop))
    return ERR_SYSTEM;
  admin->input = mem_alloc_raw(TRANSPORT_BLOCK_BYTES);
  admin->door = (struct door){.visitors = {.poller = &admin->poller,
                                           .input = admin->input,
                                           .stats = &admin->stats,
                                           .quiet = &admin->quiet},
                              .request = route_admin,
                              .arg = admin};
  door_open(&admin->door, loop, REQUEST_MS, ANSWER_MS, SOCKETS_MAX);
  uv_prepare_init(loop, &admin->end_of_turn);
  uv_prepare_start(&admin->end_of_turn, on_admin_turn_end);
  return open_admin_library(admin, loop);
}

/* A name by which it may be asked for. */
static int get_name(struct admin *admin, const char *listen) {
  int port;
  return address_unix_path(listen)
             ? 0
             : address_split(listen, admin->host, sizeof admin->host, &port);
}

int admin_open(struct admin *admin, const char *listen, uv_loop_t *loop,
               struct buf *error) {
  *admin = (struct admin){.poller.fd = -1};
  admin->fd = listen_open("admin.listen", listen, admin->address, error);
  if (admin->fd < 0)
    return admin->fd;
  if (get_name(admin, listen) || open_admin_door(admin, loop)) {
    buf_puts(error, "admin.listen: it cannot be served (is a descriptor "
                    "left?)");
    return ERR_SYSTEM;
  }
  warn_if_public(admin->address);
  return 0;
}

static void adopt_operator(void *arg, int fd) {
  struct admin *admin = arg;
  char address[TCP_ADDRESS_BYTES];
  if (tcp_peer(fd, address))
    close(fd);
  else
    door_welcome_take(&admin->door, fd, NULL, address, 0, false);
}

void admin_start(struct admin *admin, uv_loop_t *loop,
                 const struct admin_calls *calls, void *arg) {
  admin->calls = calls;
  admin->arg = arg;
  admin->listens = true;
  listen_start(&admin->listener, loop, admin->fd, &admin->stats, adopt_operator,
               admin);
}

int admin_start_behind(struct admin *admin, const struct admin_calls *calls,
                       void *arg, admin_pass_fn *pass, void *pass_arg) {
  int fd = admin->fd;
  admin->calls = calls;
  admin->arg = arg;
  admin->pass = pass;
  admin->pass_arg = pass_arg;
  admin->fd = -1;
  return fd;
}

void admin_resume_take(struct admin *admin, int fd, const char *ip,
                       struct slice read) {
  if (admin->door.visitors.ended)
    close(fd);
  else
    door_resume_take(&admin->door, fd, ip, read);
}

void admin_close(struct admin *admin) {
  if (admin->listens)
    listen_stop(&admin->listener);
  else if (admin->fd >= 0)
    close(admin->fd);
  if (admin->input) { /* the door was opened */
    relays_close(&admin->relays);
    visitors_close(&admin->door.visitors);
    uv_close((uv_handle_t *)&admin->end_of_turn, NULL);
    poller_close(&admin->poller);
  }
  library_close(&admin->library);
}

void admin_free(struct admin *admin) {
  library_free(&admin->library);
  listen_remove(admin->address);
  mem_free(admin->input);
  admin->input = NULL;
}
