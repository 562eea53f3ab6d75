/* SPDX-License-Identifier: MIT
 * The admin address. */
#include "edge/admin.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "edge/headers.h"
#include "edge/origin.h"
#include "edge/response.h"

#include <string.h>
#include <unistd.h>

enum {
  PATH_BYTES = 64,
  HOST_BYTES = 256,
  BODY_BYTES_MAX = 4096, /* of a request: none of them needs any */
  /* More at once wait in the backlog or are hung up on. The library keeps a
   * table of that size, instead of one as long as `ulimit -n`. */
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
  bool post;                     /* the request waits for the end of its body */
};

static struct admin *admin_of(struct lws *wsi) {
  return lws_context_user(lws_get_context(wsi));
}

/* --- answers ------------------------------------------------------------ */

static void free_request(struct admin_request *request) {
  buf_free(&request->body);
  mem_free(request);
}

static struct admin_request *new_request(struct lws *wsi,
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
    free_request(request);
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
  free_request(request);
  return result;
}

static int on_closed(struct session *session) {
  struct admin_request *request = session ? session->request : NULL;
  if (!request)
    return 0;
  session->request = NULL;
  request->wsi = NULL;
  if (request->status)
    free_request(request);
  return 0;
}

/* --- requests ----------------------------------------------------------- */

static int health(struct admin *admin, struct lws *wsi) {
  return admin->calls->draining(admin->arg)
             ? response_end_text(wsi, 503, "draining\n")
             : response_end_text(wsi, 200, "ok\n");
}

static bool wants_check(struct lws *wsi) {
  char arg[16];
  const char *value = lws_get_urlarg_by_name(wsi, "check=", arg, sizeof arg);
  return value && strcmp(value, "0") != 0 && strcmp(value, "false") != 0;
}

static int reload(struct lws *wsi, struct session *session) {
  struct admin *admin = admin_of(wsi);
  bool check = wants_check(wsi);
  admin->calls->reload(admin->arg, new_request(wsi, session), check);
  return 0;
}

/* Why the request is none that an operator sends; NULL: it is one. */
static const char *browser_fault(struct admin *admin, struct lws *wsi) {
  char host[HOST_BYTES] = "";
  if (lws_hdr_total_length(wsi, WSI_TOKEN_ORIGIN) > 0)
    return "not for browsers: the request has an Origin\n";
  headers_get(wsi, WSI_TOKEN_HOST, host, sizeof host);
  if (!origin_host_is_safe(host, admin->host))
    return "ask by address, as localhost, or by the name in admin.listen\n";
  return NULL;
}

static int wrong_method(struct lws *wsi, const char *allowed) {
  struct response response = response_text(405, "another method is needed\n");
  response.header = "allow:";
  response.value = allowed;
  return response_end(wsi, response);
}

static int on_get(struct lws *wsi, struct session *session, const char *path) {
  struct admin *admin = admin_of(wsi);
  if (!strcmp(path, "/healthz"))
    return health(admin, wsi);
  if (!strcmp(path, "/reload"))
    return wrong_method(wsi, "POST");
  if (!strcmp(path, "/metrics"))
    admin->calls->metrics(admin->arg, new_request(wsi, session));
  else if (!strcmp(path, "/stats"))
    admin->calls->stats(admin->arg, new_request(wsi, session));
  else
    return response_end_text(wsi, 404, "not found\n");
  return 0;
}

/* A body is read and forgotten; the answer comes after it. */
static int on_post(struct lws *wsi, struct session *session, const char *path) {
  char length[16] = "";
  if (!strcmp(path, "/healthz") || !strcmp(path, "/metrics") ||
      !strcmp(path, "/stats"))
    return wrong_method(wsi, "GET");
  if (strcmp(path, "/reload") != 0)
    return response_end_text(wsi, 404, "not found\n");
  headers_get(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, length, sizeof length);
  if (strlen(length) > 9 || atoi(length) > BODY_BYTES_MAX)
    return response_end_text(wsi, 413, "no body is needed\n");
  session->post = atoi(length) > 0;
  return session->post ? 0 : reload(wsi, session);
}

static int on_request(struct lws *wsi, struct session *session) {
  char path[PATH_BYTES];
  const char *fault = browser_fault(admin_of(wsi), wsi);
  if (fault)
    return response_end_text(wsi, 403, fault);
  if (headers_get(wsi, WSI_TOKEN_POST_URI, path, sizeof path))
    return on_post(wsi, session, path);
  if (headers_get(wsi, WSI_TOKEN_GET_URI, path, sizeof path) ||
      headers_get(wsi, WSI_TOKEN_HEAD_URI, path, sizeof path))
    return on_get(wsi, session, path);
  return response_end_text(wsi, 404, "not found\n");
}

static int on_body_end(struct lws *wsi, struct session *session) {
  bool post = session->post;
  session->post = false;
  return post ? reload(wsi, session) : 0;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason,
                    void *user, void *in, size_t len) {
  switch (reason) {
  case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
    return response_end_text(wsi, 404, "no upgrades here\n") ? -1 : 1;
  case LWS_CALLBACK_HTTP:
    return on_request(wsi, user);
  case LWS_CALLBACK_HTTP_BODY:
    return 0;
  case LWS_CALLBACK_HTTP_BODY_COMPLETION:
    return on_body_end(wsi, user);
  case LWS_CALLBACK_HTTP_WRITEABLE:
    return on_writeable(wsi, user);
  case LWS_CALLBACK_CLOSED_HTTP:
  case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
    return on_closed(user);
  default:
    return lws_callback_http_dummy(wsi, reason, user, in, len);
  }
}

/* --- life --------------------------------------------------------------- */

static const struct lws_protocols protocols[] = {
    {.name = "perigee-admin",
     .callback = callback,
     .per_session_data_size = sizeof(struct session)},
    {0},
};

static int open_context(struct admin *admin, uv_loop_t *loop) {
  void *loops[] = {loop};
  struct lws_context_creation_info info = {
      .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
      .foreign_loops = loops,
      .user = admin,
      .port = CONTEXT_PORT_NO_LISTEN,
      .uid = -1,
      .gid = -1,
      .fd_limit_per_thread = DESCRIPTORS,
  };
  struct lws_context_creation_info vhost = {
      .vhost_name = "admin",
      .port = CONTEXT_PORT_NO_LISTEN_SERVER,
      .protocols = protocols,
      .server_string = "perigee",
  };
  admin->context = lws_create_context(&info);
  if (admin->context)
    admin->vhost = lws_create_vhost(admin->context, &vhost);
  return admin->vhost ? 0 : ERR_SYSTEM;
}

static void warn_if_public(const char *address) {
  if (strncmp(address, "127.", 4) != 0 && strncmp(address, "[::1]", 5) != 0)
    log_warn("admin.listen: whoever reaches %s may reload the scripts and "
             "read the metrics; nobody is asked for a password",
             address);
}

int admin_open(struct admin *admin, const char *listen, uv_loop_t *loop,
               struct buf *error) {
  int port;
  *admin = (struct admin){0};
  admin->fd = listen_open("admin.listen", listen, admin->address, error);
  if (admin->fd < 0)
    return admin->fd;
  if (config_split_address(listen, admin->host, sizeof admin->host, &port) ||
      open_context(admin, loop)) {
    buf_puts(error, "admin.listen: libwebsockets does not start");
    return ERR_SYSTEM;
  }
  warn_if_public(admin->address);
  return 0;
}

static void adopt(void *arg, int fd) {
  struct admin *admin = arg;
  if (!lws_adopt_socket_vhost(admin->vhost, fd)) /* it closes fd then */
    log_debug("admin: a connection could not be taken over");
}

void admin_start(struct admin *admin, uv_loop_t *loop,
                 const struct admin_calls *calls, void *arg) {
  admin->calls = calls;
  admin->arg = arg;
  listen_start(&admin->listener, loop, admin->fd, &admin->stats, adopt, admin);
}

void admin_close(struct admin *admin) {
  if (admin->calls)
    listen_stop(&admin->listener);
  else if (admin->fd >= 0)
    close(admin->fd);
  if (admin->context)
    lws_context_destroy(admin->context);
}

void admin_free(struct admin *admin) {
  /* As in edge_free: the second call frees. */
  if (admin->context)
    lws_context_destroy(admin->context);
  admin->context = NULL;
}
