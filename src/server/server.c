/* SPDX-License-Identifier: MIT
 * The process. */
#include "server/server.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/key.h"
#include "core/store.h"
#include "server/reload.h"
#include "server/watch.h"
#include "server/watchdog.h"
#include "server/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
  DEV_TOKEN_TTL_S = 24 * 3600,
  USUAL_DESCRIPTORS = 65536,
  REBUILD_EVERY_MS = 10000
};

struct server {
  const struct config *config;
  enum config_mode mode;
  struct jwt_key *key;
  struct store *store;
  uv_loop_t loop;
  struct mailbox mailbox;
  struct worker worker;
  uv_signal_t signals[3];
  struct watch watch;
  bool watching;
  bool stopping;
  unsigned generations; /* built so far */
  unsigned rebuilt;     /* the last one that was rebuilt for its memory … */
  uint64_t rebuilt_ms;  /* … and when */
  struct watchdog watchdog;
};

/* --- reload ------------------------------------------------------------- */

static void reload(struct server *server) {
  struct buf error = {0};
  if (server->stopping)
    return;
  struct generation *generation =
      reload_build(&server->worker.protocol.host, server->config->scripts,
                   ++server->generations, &error);
  if (generation)
    worker_post(&server->worker.mailbox, LETTER_SWAP, generation);
  else
    log_error("reload failed, the scripts that are live go on: %.*s",
              (int)error.len, error.data);
  buf_free(&error);
}

static void on_changed(void *arg) {
  reload(arg);
}

/* A state whose memory is used up serves nobody: the same scripts, from the
 * same sources, start again in a new one. What fills client.state comes along,
 * so that it may not help: not more often than every so many seconds. */
static void rebuild(struct server *server, const struct generation *full) {
  struct buf error = {0};
  uint64_t now = uv_now(&server->loop);
  if (server->stopping || full->number == server->rebuilt ||
      (server->rebuilt_ms && now - server->rebuilt_ms < REBUILD_EVERY_MS))
    return;
  server->rebuilt_ms = now;
  server->rebuilt = full->number;
  log_error("gen=%u has used up script.memory_mb=%lld: its scripts start again",
            full->number, (long long)server->config->script_memory_mb);
  struct generation *generation =
      generation_new(&server->worker.protocol.host, full->bundle,
                     ++server->generations, &error);
  if (generation)
    worker_post(&server->worker.mailbox, LETTER_SWAP, generation);
  else
    log_error("they do not: %.*s", (int)error.len, error.data);
  buf_free(&error);
}

/* --- ending ------------------------------------------------------------- */

static void stop(struct server *server) {
  if (server->stopping) {
    log_warn("second signal: ending at once");
    _exit(1);
  }
  server->stopping = true;
  if (server->watching)
    watch_stop(&server->watch);
  worker_post(&server->worker.mailbox, LETTER_STOP, NULL);
}

static void on_signal(uv_signal_t *handle, int number) {
  struct server *server = handle->data;
  if (number == SIGHUP)
    reload(server);
  else
    stop(server);
}

static void on_ended(struct server *server) {
  for (size_t i = 0; i < ARRAY_SIZE(server->signals); i++)
    uv_close((uv_handle_t *)&server->signals[i], NULL);
  watchdog_stop(&server->watchdog);
  mailbox_close(&server->mailbox);
}

static void on_letter(struct mailbox *mailbox, struct list *node) {
  struct server *server = container_of(mailbox, struct server, mailbox);
  struct letter *letter = container_of(node, struct letter, node);
  if (letter->kind == LETTER_FREE)
    generation_free(letter->generation);
  else if (letter->kind == LETTER_FULL)
    rebuild(server, letter->generation);
  else
    on_ended(server);
  mem_free(letter);
}

/* --- starting ----------------------------------------------------------- */

/* As many descriptors as limits.connections needs, or as are usual. Not as
 * many as the system lets us have, which may be a million: libwebsockets keeps
 * a table of that size, and Debian's build walks over it at every close. */
static void raise_descriptors(const struct config *config) {
  struct rlimit limit;
  rlim_t want = USUAL_DESCRIPTORS;
  if (config->limits_connections > 0)
    want = (rlim_t)config->limits_connections + PROTOCOL_OTHER_DESCRIPTORS +
           (rlim_t)config->fetch_at_once;
  if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == want)
    return;
  if (want > limit.rlim_max) {
    if (config->limits_connections > 0)
      log_warn(
          "limits.connections needs %llu open files, the hard limit is %llu",
          (unsigned long long)want, (unsigned long long)limit.rlim_max);
    want = limit.rlim_max;
  }
  limit.rlim_cur = want;
  if (setrlimit(RLIMIT_NOFILE, &limit))
    log_warn("cannot set the limit of open files: %s", strerror(errno));
}

static void watch_signals(struct server *server) {
  static const int numbers[] = {SIGHUP, SIGTERM, SIGINT};
  signal(SIGPIPE, SIG_IGN); /* a peer that is gone shows in send's result */
  for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
    uv_signal_init(&server->loop, &server->signals[i]);
    server->signals[i].data = server;
    uv_signal_start(&server->signals[i], on_signal, numbers[i]);
  }
}

static void print_welcome(const struct server *server, const char *scheme,
                          const char *address) {
  char claims[128];
  char *token = NULL;
  time_t now = time(NULL);
  snprintf(claims, sizeof claims, "{\"%s\":\"dev\",\"iat\":%lld,\"exp\":%lld}",
           jwt_user_claim(server->key), (long long)now,
           (long long)now + DEV_TOKEN_TTL_S);
  if (jwt_sign(server->key, claims, &token))
    return;
  bool tls = scheme[4] == 's';
  printf("\n  WebSocket  %s://%s/ws\n", tls ? "wss" : "ws", address);
  if (*server->config->public)
    printf("  Page       %s://%s/\n", scheme, address);
  printf("  Token      %s\n             (user \"dev\", good for a day)\n"
         "  Say        {\"type\":\"auth\",\"data\":{\"token\":\"…\"}}\n"
         "  Scripts    %s%s\n\n",
         token, server->config->scripts,
         server->watching ? " (reloaded when you save)" : "");
  fflush(stdout);
  mem_free(token);
}

static void say_ready(const struct server *server, const char *address,
                      unsigned handlers) {
  const char *scheme = *server->config->tls_cert ? "https" : "http";
  /* Whatever log.level is: who waits for it must see it. */
  log_write(LOG_INFO, "perigee %s ready on %s://%s scripts=%s handlers=%u",
            PERIGEE_VERSION, scheme, address, server->config->scripts,
            handlers);
  if (server->mode == CONFIG_DEVELOPMENT)
    print_welcome(server, scheme, address);
}

static void start(struct server *server, int listen_fd,
                  struct generation *first, const char *address) {
  unsigned handlers = HASH_COUNT(first->handlers);
  uv_loop_init(&server->loop);
  watch_signals(server);
  mailbox_init(&server->mailbox, &server->loop, on_letter);
  if (server->config->watch) {
    server->watching = true;
    watch_start(&server->watch, &server->loop, server->config->scripts,
                on_changed, server);
  }
  if (handlers == 0 && !first->has_hooks)
    log_warn("no handler in %s: every message will be an UNKNOWN_TYPE",
             server->config->scripts);
  worker_start_take(&server->worker, listen_fd, first);
  watchdog_start(&server->watchdog, &server->loop,
                 &server->worker.protocol.host);
  say_ready(server, address, handlers);
}

static void serve(struct server *server) {
  uv_run(&server->loop, UV_RUN_DEFAULT);
  worker_join(&server->worker);
  struct list *node;
  while ((node = list_shift(&server->mailbox.letters)))
    on_letter(&server->mailbox, node);
  mailbox_free(&server->mailbox);
  uv_loop_close(&server->loop);
  log_info("ended");
}

/* Everything that can fail, before anything is served. The generation and the
 * listening socket are the caller's, also on failure. */
static int prepare(struct server *server, int *listen_fd,
                   char address[LISTEN_ADDRESS_BYTES],
                   struct generation **first, struct buf *error) {
  const struct config *config = server->config;
  struct worker *worker = &server->worker;
  *first = reload_build(&worker->protocol.host, config->scripts,
                        ++server->generations, error);
  if (!*first)
    return ERR_SCRIPT;
  *listen_fd = listen_open(config->listen, address, error);
  if (*listen_fd < 0)
    return *listen_fd;
  return worker_open(worker, server->mode == CONFIG_DEVELOPMENT, error);
}

static struct store *new_store(const struct config *config) {
  return store_new((size_t)config->limits_store_mb << 20);
}

int server_run(const struct config *config, enum config_mode mode,
               struct buf *error) {
  struct server server = {.config = config, .mode = mode};
  char address[LISTEN_ADDRESS_BYTES];
  struct generation *first = NULL;
  int listen_fd = -1;
  server.key = key_load(config, NULL, error);
  if (!server.key)
    return ERR_CONFIG;
  raise_descriptors(config);
  srandom((unsigned)time(NULL) ^ (unsigned)getpid());
  worker_init(&server.worker, config, server.key, &server.mailbox);
  server.store = server.worker.protocol.host.store = new_store(config);
  int err = prepare(&server, &listen_fd, address, &first, error);
  if (err) {
    generation_free(first);
    if (listen_fd >= 0)
      close(listen_fd);
  } else {
    start(&server, listen_fd, first, address);
    serve(&server);
  }
  worker_free(&server.worker);
  store_free(server.store);
  jwt_key_free(server.key);
  return err;
}

int server_check(const struct config *config, unsigned *handlers,
                 struct buf *error) {
  struct host host = {.config = config, .worker = 1};
  struct jwt_key *key = key_load(config, NULL, error);
  if (!key)
    return ERR_CONFIG;
  host.key = key;
  host.store = new_store(config);
  struct generation *generation =
      reload_build(&host, config->scripts, 1, error);
  *handlers = generation ? HASH_COUNT(generation->handlers) : 0;
  int err = generation ? 0 : ERR_SCRIPT;
  generation_free(generation);
  store_free(host.store);
  jwt_key_free(key);
  return err;
}
