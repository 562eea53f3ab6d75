/* SPDX-License-Identifier: MIT
 * The thread of the HTTP API. */
#include "api/api.h"

#include "api/console.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/address.h"
#include "trace/tracer.h"

#include <string.h>
#include <unistd.h>

/* What the two threads write to each other. */
enum api_letter_kind {
  API_LETTER_VISIT,     /* a socket */
  API_LETTER_CONFIGURE, /* to the API */
  API_LETTER_STOP,      /* to the API */
};

struct api_letter {
  struct list node;
  enum api_letter_kind kind;
  int fd;                      /* of VISIT, as are: */
  char ip[TCP_ADDRESS_BYTES];  /* */
  struct buf read;             /* */
  const struct config *config; /* of CONFIGURE: a reference */
};

struct api_listener {
  struct api *api;
  struct listener listener;
  int fd; /* -1: none, or the listener has it */
  bool open;
  int origin;
};

struct api {
  uv_thread_t thread;
  bool started;
  uv_loop_t loop;
  struct poller poller;
  struct mailbox mailbox; /* of the API's thread */
  struct mailbox home;    /* of the main thread */
  struct api_listener own, admin;
  char address[LISTEN_ADDRESS_BYTES];
  struct stats stats; /* of the listeners; nobody reads it */
  struct api_service service;
  api_foreign_fn *foreign; /* on the main thread */
  void *arg;
};

/* --- letters ------------------------------------------------------------ */

static struct api_letter *new_api_letter(enum api_letter_kind kind) {
  struct api_letter *letter = mem_alloc(sizeof *letter);
  letter->kind = kind;
  letter->fd = -1;
  list_init(&letter->node);
  return letter;
}

static void free_api_letter(struct api_letter *letter) {
  if (letter->fd >= 0)
    close(letter->fd);
  config_free(letter->config);
  buf_free(&letter->read);
  mem_free(letter);
}

static void post_api_letter(struct mailbox *mailbox,
                            struct api_letter *letter) {
  if (!mailbox_post_take(mailbox, &letter->node))
    free_api_letter(letter); /* that side has ended */
}

static void post_socket(struct mailbox *mailbox, int fd, const char *ip,
                        struct slice read) {
  struct api_letter *letter = new_api_letter(API_LETTER_VISIT);
  letter->fd = fd;
  snprintf(letter->ip, sizeof letter->ip, "%s", ip);
  buf_put(&letter->read, read.at, read.len);
  post_api_letter(mailbox, letter);
}

static struct slice bytes_read(const struct api_letter *letter) {
  return (struct slice){letter->read.len > 0 ? letter->read.data : "",
                        letter->read.len};
}

/* On the main thread. */
static void on_home_visit(struct mailbox *mailbox, struct list *node) {
  struct api *api = container_of(mailbox, struct api, home);
  struct api_letter *letter = container_of(node, struct api_letter, node);
  int fd = letter->fd;
  letter->fd = -1;
  api->foreign(api->arg, fd, letter->ip, bytes_read(letter));
  free_api_letter(letter);
}

/* On the API's. */
static void send_foreign_home(void *arg, int fd, const char *ip,
                              struct slice read) {
  struct api *api = arg;
  post_socket(&api->home, fd, ip, read);
}

static void close_api_loop(struct api *api) {
  for (int i = 0; i < 2; i++) {
    struct api_listener *listener = i == 0 ? &api->own : &api->admin;
    if (listener->open)
      listen_stop(&listener->listener);
    listener->open = false;
  }
  api_service_close(&api->service);
  mailbox_close(&api->mailbox);
  poller_close(&api->poller);
}

static void on_api_letter(struct mailbox *mailbox, struct list *node) {
  struct api *api = container_of(mailbox, struct api, mailbox);
  struct api_letter *letter = container_of(node, struct api_letter, node);
  switch (letter->kind) {
  case API_LETTER_VISIT:
    http_welcome_take(&api->service.http, letter->fd, letter->ip,
                      API_ORIGIN_ADMIN, bytes_read(letter));
    letter->fd = -1;
    break;
  case API_LETTER_CONFIGURE:
    api_service_configure_take(&api->service, letter->config);
    letter->config = NULL;
    break;
  case API_LETTER_STOP:
    close_api_loop(api);
    break;
  }
  free_api_letter(letter);
}

/* --- sockets ------------------------------------------------------------ */

static void adopt_backend(void *arg, int fd) {
  static const struct slice nothing = {"", 0};
  struct api_listener *listener = arg;
  struct api_service *service = &listener->api->service;
  char ip[TCP_ADDRESS_BYTES];
  if (tcp_peer(fd, ip)) {
    close(fd);
    return;
  }
  http_welcome_take(&service->http, fd, ip, listener->origin, nothing);
  service->figures.connections = service->http.count;
}

static void start_api_listener(struct api *api, struct api_listener *listener) {
  if (listener->fd < 0)
    return;
  listener->api = api;
  listener->open = true;
  listen_start(&listener->listener, &api->loop, listener->fd, &api->stats,
               adopt_backend, listener);
  listener->fd = -1;
}

static void warn_if_open(const char *address) {
  if (strncmp(address, "127.", 4) != 0 && strncmp(address, "[::1]", 5) != 0 &&
      !address_unix_path(address))
    log_warn("api.listen: keys travel to %s without TLS: whoever is on the way "
             "can read them",
             address);
}

/* --- life --------------------------------------------------------------- */

static void run_api(void *arg) {
  struct api *api = arg;
  tracer_join(api->service.board, 0);
  uv_run(&api->loop, UV_RUN_DEFAULT);
  tracer_leave();
}

static int open_api(struct api *api, const struct api_wiring *wiring,
                    struct buf *error) {
  const char *listen = wiring->config->api_listen;
  if (*listen) {
    api->own.fd = listen_open("api.listen", listen, api->address, error);
    if (api->own.fd < 0)
      return ERR_SYSTEM;
    warn_if_open(api->address);
  }
  if (poller_open(&api->poller, &api->loop) == 0)
    return 0;
  buf_puts(error, "api: no descriptor is left (raise `ulimit -n`)");
  return ERR_SYSTEM;
}

/* The loop, and all that can fail. */
static int open_fallible(struct api *api, const struct api_wiring *wiring,
                         struct buf *error) {
  uv_loop_init(&api->loop);
  api->own = (struct api_listener){.fd = -1, .origin = API_ORIGIN_OWN};
  api->admin = (struct api_listener){.fd = -1, .origin = API_ORIGIN_ADMIN};
  api->poller.fd = -1;
  int err = open_api(api, wiring, error);
  if (!err)
    return 0;
  if (api->own.fd >= 0)
    close(api->own.fd);
  listen_remove(api->address);
  uv_loop_close(&api->loop);
  return err;
}

struct api *api_new(const struct api_wiring *wiring, struct buf *error) {
  struct api *api = mem_alloc(sizeof *api);
  if (open_fallible(api, wiring, error)) {
    mem_free(api);
    return NULL;
  }
  api->foreign = wiring->foreign;
  api->arg = wiring->arg;
  api->service.bus = wiring->bus;
  api->service.engine = wiring->engine;
  api->service.presence = wiring->presence;
  api->service.desks = wiring->desks;
  api->service.board = wiring->board;
  api->service.tokens = wiring->tokens;
  snprintf(api->service.clients, sizeof api->service.clients, "%s",
           wiring->clients);
  api->service.foreign = send_foreign_home;
  api->service.arg = api;
  mailbox_init(&api->mailbox, &api->loop, on_api_letter);
  mailbox_init(&api->home, wiring->main_loop, on_home_visit);
  api_service_open(&api->service, wiring->config, &api->poller, &api->loop);
  return api;
}

void api_start_take(struct api *api, int admin_fd) {
  api->admin.fd = admin_fd;
  start_api_listener(api, &api->own);
  start_api_listener(api, &api->admin);
  api->started = true;
  uv_thread_create(&api->thread, run_api, api);
}

void api_visit_take(struct api *api, int fd, const char *ip,
                    struct slice read) {
  post_socket(&api->mailbox, fd, ip, read);
}

void api_configure(struct api *api, const struct config *config) {
  struct api_letter *letter = new_api_letter(API_LETTER_CONFIGURE);
  letter->config = config_ref(config);
  post_api_letter(&api->mailbox, letter);
}

const char *api_address(const struct api *api) {
  return api->address;
}

bool api_is_console(struct api *api, const struct request *request) {
  struct api_key key;
  return console_is_page(&api->service.sessions, request, &key);
}

void api_print(const struct api *api, struct buf *out) {
  api_service_print(&api->service, out);
}

void api_stop(struct api *api) {
  if (api->started) {
    post_api_letter(&api->mailbox, new_api_letter(API_LETTER_STOP));
    uv_thread_join(&api->thread);
  } else {
    close_api_loop(api);
    uv_run(&api->loop, UV_RUN_DEFAULT);
  }
  mailbox_close(&api->home);
}

static void free_letters(struct mailbox *mailbox) {
  struct list *node;
  while ((node = list_shift(&mailbox->letters)))
    free_api_letter(container_of(node, struct api_letter, node));
  mailbox_free(mailbox);
}

void api_free(struct api *api) {
  if (!api)
    return;
  free_letters(&api->mailbox);
  free_letters(&api->home);
  api_service_free(&api->service);
  listen_remove(api->address);
  if (api->own.fd >= 0)
    close(api->own.fd);
  if (uv_loop_close(&api->loop))
    log_debug("a handle of the API's loop was left open");
  mem_free(api);
}
