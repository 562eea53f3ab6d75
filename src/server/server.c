/* SPDX-License-Identifier: MIT
 * The process. */
#include "server/server.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/address.h"
#include "engine/metrics.h"
#include "engine/store.h"
#include "engine/timings.h"
#include "events/events.h"
#include "net/ring.h"
#include "script/interface.h"
#include "script/open.h"
#include "server/control.h"
#include "server/crew.h"
#include "server/inspect.h"
#include "server/reload.h"
#include "server/reload_check.h"
#include "server/watch.h"
#include "trace/otlp.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { DEV_TOKEN_TTL_S = 24 * 3600, USUAL_DESCRIPTORS = 65536 };

struct server {
  const struct config *config; /* as it was at the start */
  const struct config_args *args;
  enum config_mode mode;
  bool had_terminal; /* when it started */
  struct keys keys;
  struct store *store;
  uv_loop_t loop;
  struct mailbox mailbox;
  struct crew crew;
  struct metrics *metrics;
  struct timings *timings;
  struct events *events; /* NULL: the backend hears of none */
  struct otlp *otlp;     /* NULL: no collector hears of any trace */
  struct rates rates;
  struct reloader reloader;
  struct control control;
  uv_signal_t signals[3];
  struct watch watch;
  bool watching;
  bool stopping;
};

static void ask_reload(struct server *server) {
  reload_ask(&server->reloader, false, NULL, NULL);
}

static void on_changed(void *arg) {
  ask_reload(arg);
}

/* --- ending ------------------------------------------------------------- */

static void stop_serving(struct server *server) {
  if (server->stopping) {
    log_warn("second signal: ending at once");
    log_flush();
    _exit(1);
  }
  server->stopping = true;
  if (server->watching)
    watch_stop(&server->watch);
  server->control.draining = true;
  reload_stop(&server->reloader);
  crew_post(&server->crew, LETTER_STOP);
}

static bool has_terminal(void) {
  int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
  if (fd >= 0)
    close(fd);
  return fd >= 0;
}

/* SIGHUP asks a server to load its scripts again. The kernel sends it too when
 * a terminal is closed: who tries things out in one has gone then. */
static void on_process_signal(uv_signal_t *handle, int number) {
  struct server *server = handle->data;
  bool left_alone = server->mode == CONFIG_DEVELOPMENT &&
                    server->had_terminal && !has_terminal();
  if (number == SIGHUP && !left_alone)
    ask_reload(server);
  else
    stop_serving(server);
}

static void on_crew_ended(struct server *server) {
  for (size_t i = 0; i < ARRAY_SIZE(server->signals); i++)
    uv_close((uv_handle_t *)&server->signals[i], NULL);
  reload_free(&server->reloader);
  control_close(&server->control);
  keys_close(&server->keys);
  if (server->otlp)
    otlp_end(server->otlp);
  mailbox_close(&server->mailbox);
}

static void receive_at_home(struct server *server,
                            const struct letter *letter) {
  switch (letter->kind) {
  case LETTER_READY:
  case LETTER_REFUSED:
  case LETTER_SWAPPED:
    reload_answered(&server->reloader, letter);
    break;
  case LETTER_STATS:
    control_snapshot(&server->control, &letter->snapshot);
    break;
  case LETTER_FREE:
    generation_free(letter->generation);
    break;
  case LETTER_FULL:
    reload_rebuild(&server->reloader, letter->generation);
    break;
  case LETTER_ENDED:
    if (crew_ended(&server->crew))
      on_crew_ended(server);
    break;
  case LETTER_SWAP:
  case LETTER_GO:
  case LETTER_CANCEL:
  case LETTER_STOP:
  case LETTER_COLLECT:
  case LETTER_TLS:
    break; /* for workers */
  }
}

static void on_home_letter(struct mailbox *mailbox, struct list *node) {
  struct server *server = container_of(mailbox, struct server, mailbox);
  struct letter *letter = container_of(node, struct letter, node);
  receive_at_home(server, letter);
  letter_free(letter);
}

/* --- starting ----------------------------------------------------------- */

/* As many descriptors as limits.connections needs, or as are usual; more if
 * that is how it was started. */
static void raise_descriptors(const struct config *config) {
  struct rlimit limit;
  rlim_t want = USUAL_DESCRIPTORS, need = 0;
  if (config->limits_connections > 0)
    need = (rlim_t)config->limits_connections +
           protocol_other_descriptors(config) + (rlim_t)config->fetch_at_once;
  if (want < need)
    want = need;
  if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= want)
    return;
  if (need > limit.rlim_max)
    log_warn("limits.connections needs %llu open files, the hard limit is %llu",
             (unsigned long long)need, (unsigned long long)limit.rlim_max);
  if (want > limit.rlim_max)
    want = limit.rlim_max;
  limit.rlim_cur = want;
  if (setrlimit(RLIMIT_NOFILE, &limit))
    log_warn("cannot set the limit of open files: %s", strerror(errno));
}

/* Whether it was started to outlive its terminal, by nohup. */
static bool may_stay(int number) {
  struct sigaction action;
  return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static void watch_signals(struct server *server) {
  static const int numbers[] = {SIGHUP, SIGTERM, SIGINT};
  bool stay = server->mode == CONFIG_DEVELOPMENT && may_stay(SIGHUP);
  server->had_terminal = has_terminal();
  signal(SIGPIPE, SIG_IGN); /* a peer that is gone shows in send's result */
  for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
    uv_signal_init(&server->loop, &server->signals[i]);
    server->signals[i].data = server;
    if (numbers[i] != SIGHUP || !stay)
      uv_signal_start(&server->signals[i], on_process_signal, numbers[i]);
  }
}

/* How to look at it, from another terminal. */
static void print_console(const struct server *server) {
  const char *admin = control_address(&server->control);
  if (!server->control.api || !strcmp(admin, "-") || address_unix_path(admin))
    return;
  bool usual = strcmp(admin, option_table[OPTION_AT_admin_listen].value) == 0;
  printf("  Console    perigee console%s%s\n"
         "             (in another terminal; prints a link to a look inside)\n",
         usual ? "" : " --admin=", usual ? "" : admin);
}

static void print_welcome(const struct server *server, const char *scheme,
                          const char *address) {
  char claims[128];
  char *token = NULL;
  time_t now = time(NULL);
  snprintf(claims, sizeof claims, "{\"%s\":\"dev\",\"iat\":%lld,\"exp\":%lld}",
           jwt_user_claim(server->keys.key), (long long)now,
           (long long)now + DEV_TOKEN_TTL_S);
  if (jwt_sign(server->keys.key, claims, &token))
    return;
  bool tls = scheme[4] == 's';
  printf("\n  WebSocket  %s://%s/ws\n", tls ? "wss" : "ws", address);
  if (*server->config->public)
    printf("  Page       %s://%s/\n", scheme, address);
  printf("  Token      %s\n             (user \"dev\", good for a day)\n"
         "  Say        {\"type\":\"auth\",\"data\":{\"token\":\"…\"}}\n"
         "  Scripts    %s%s\n",
         token, server->config->scripts,
         server->watching ? " (reloaded when you save)" : "");
  print_console(server);
  putchar('\n');
  fflush(stdout);
  mem_free(token);
}

/* Whoever has a token of any user is that user. */
static void say_tokens(const struct config *config) {
  if (address_is_local(config->listen))
    return;
  if (config_gives_tokens(config))
    log_warn("anybody who reaches %s gets a token for any user "
             "(dev.tokens=anyone)",
             config->listen);
  else
    log_warn("/dev/token is closed, as %s is open to the network: the page "
             "needs --dev.tokens=anyone, or --listen=127.0.0.1:PORT",
             config->listen);
}

/* How messages to many leave. */
static const char *io_name(const struct config *config) {
  bool ring = config->net_io != NET_EPOLL && ring_is_possible();
  return ring ? "uring" : "epoll";
}

static void say_ready(const struct server *server, const char *address,
                      unsigned handlers) {
  const char *scheme = *server->config->tls_cert ? "https" : "http";
  const struct api *backend = server->control.api;
  const char *api = backend ? api_address(backend) : "";
  /* Whatever log.level is: who waits for it must see it. */
  log_write(LOG_INFO,
            "perigee %s ready on %s://%s scripts=%s handlers=%u io=%s "
            "admin=%s%s%s",
            PERIGEE_VERSION, scheme, address, server->config->scripts, handlers,
            io_name(server->config), control_address(&server->control),
            *api ? " api=" : "", api);
  if (server->mode == CONFIG_DEVELOPMENT) {
    say_tokens(server->config);
    log_flush(); /* the line comes first */
    print_welcome(server, scheme, address);
  }
}

/* Which of several it is, its spans say. */
static void start_export(struct server *server) {
  char host[64] = "";
  if (gethostname(host, sizeof host - 1))
    strcpy(host, "localhost");
  struct otlp_resource resource = {.service = server->config->trace_service,
                                   .instance = server->crew.name,
                                   .host = host};
  otlp_start(server->otlp, &server->loop, &resource);
}

static void start_serving(struct server *server, struct generation **first,
                          const char *address) {
  unsigned handlers = HASH_COUNT(first[0]->handlers);
  watch_signals(server);
  mailbox_init(&server->mailbox, &server->loop, on_home_letter);
  if (server->config->watch) {
    server->watching = true;
    watch_start(&server->watch, &server->loop, server->config->scripts,
                on_changed, server);
  }
  if (handlers == 0 && !first[0]->has_hooks)
    log_warn("no handler in %s: every message will be an UNKNOWN_TYPE",
             server->config->scripts);
  keys_start(&server->keys, &server->loop);
  if (server->events)
    events_start(server->events);
  if (server->otlp)
    start_export(server);
  crew_start_take(&server->crew, first, &server->loop);
  control_start(&server->control, &server->loop);
  say_ready(server, address, handlers);
}

static void serve_until_end(struct server *server) {
  uv_run(&server->loop, UV_RUN_DEFAULT);
  crew_join(&server->crew);
  if (server->events)
    events_stop(server->events);
  struct list *node;
  while ((node = list_shift(&server->mailbox.letters)))
    on_home_letter(&server->mailbox, node);
  mailbox_free(&server->mailbox);
  log_info("ended");
}

/* Everything that can fail, before anything is served. The generations are the
 * caller's, also on failure. */
static int prepare_crew(struct server *server,
                        char address[LISTEN_ADDRESS_BYTES],
                        struct generation ***first, struct buf *error) {
  bool development = server->mode == CONFIG_DEVELOPMENT;
  *first = reload_first(&server->reloader, error);
  if (!*first)
    return ERR_SCRIPT;
  int err = crew_open(&server->crew, development, address, error);
  if (err)
    return err;
  server->control.clients = address;
  err = control_open(&server->control, server->config, server->mode,
                     &server->loop, error);
  server->reloader.api = server->control.api;
  return err;
}

static struct store *new_store(const struct config *config) {
  return store_new((size_t)config->limits_store_mb << 20);
}

static void init_server(struct server *server) {
  if (otlp_is_wanted(server->config))
    server->otlp = otlp_new(server->config);
  raise_descriptors(server->config);
  srandom((unsigned)time(NULL) ^ (unsigned)getpid());
  uv_loop_init(&server->loop);
  server->metrics = metrics_new();
  server->timings = timings_new(config_workers(server->config));
  server->store = new_store(server->config);
  rates_init(&server->rates);
  struct crew_shared shared = {.config = server->config,
                               .key = server->keys.key,
                               .metrics = server->metrics,
                               .timings = server->timings,
                               .store = server->store,
                               .rates = &server->rates,
                               .events = server->events,
                               .otlp = server->otlp,
                               .home = &server->mailbox};
  crew_init(&server->crew, &shared);
  reload_init(&server->reloader, server->args, server->config, &server->crew,
              &server->loop);
  server->reloader.keys = &server->keys;
  server->control.reloader = &server->reloader;
  server->control.crew = &server->crew;
  server->control.metrics = server->metrics;
  server->control.timings = server->timings;
  server->control.events = server->events;
  server->control.otlp = server->otlp;
  server->control.keys = &server->keys;
}

static void free_all(struct server *server) {
  crew_free(&server->crew);
  events_free(server->events);
  otlp_free(server->otlp);
  rates_free(&server->rates);
  control_free(&server->control);
  metrics_free(server->metrics);
  timings_free(server->timings);
  store_free(server->store);
  if (uv_loop_close(&server->loop))
    log_debug("a handle of the main loop was left open");
  keys_free(&server->keys);
}

/* The handles of what was opened in vain. */
static void close_unstarted(struct server *server, struct generation **first) {
  crew_free_generations(&server->crew, first);
  reload_free(&server->reloader);
  control_close(&server->control);
  uv_run(&server->loop, UV_RUN_DEFAULT);
}

static int open_outbox(struct server *server, struct buf *error) {
  if (!events_are_wanted(server->config))
    return 0;
  server->events = events_new(server->config, error);
  return server->events ? 0 : ERR_SYSTEM;
}

int server_run(const struct config *config, const struct config_args *args,
               struct buf *error) {
  struct server server = {.config = config, .args = args, .mode = args->mode};
  char address[LISTEN_ADDRESS_BYTES];
  struct generation **first = NULL;
  if (inspect(config, error) < 0 || keys_load(&server.keys, config, error) < 0)
    return ERR_CONFIG;
  if (open_outbox(&server, error)) {
    keys_free(&server.keys);
    return ERR_SYSTEM;
  }
  init_server(&server);
  int err = prepare_crew(&server, address, &first, error);
  if (err) {
    close_unstarted(&server, first);
  } else {
    start_serving(&server, first, address);
    serve_until_end(&server);
  }
  free_all(&server);
  return err;
}

/* What is to be known of scripts that are only built. */
struct finding {
  unsigned *handlers;    /* how many; NULL: not wanted */
  struct buf *interface; /* NULL: not wanted */
};

static int check_scripts(const struct config *config, const struct keys *keys,
                         struct finding finding, struct buf *error) {
  struct host host = {.open_libraries = open_libraries,
                      .config = config,
                      .key = keys->key,
                      .worker = 1};
  host.store = new_store(config);
  struct generation *generation =
      reload_check_build(&host, config->scripts, 1, NULL, error);
  int err = generation ? 0 : ERR_SCRIPT;
  if (finding.handlers)
    *finding.handlers = generation ? HASH_COUNT(generation->handlers) : 0;
  if (finding.interface && generation)
    interface_write(generation, finding.interface);
  generation_free(generation);
  store_free(host.store);
  return err;
}

int server_check(const struct config *config, unsigned *handlers,
                 struct buf *errors) {
  struct keys keys;
  struct buf echo = {0};
  int err = inspect(config, errors);
  /* What is wrong with the options need not be said of the keys again. */
  int key_err = keys_load(&keys, config, errors->len ? &echo : errors);
  buf_free(&echo);
  if (key_err < 0)
    return ERR_CONFIG;
  int script_err = check_scripts(
      config, &keys, (struct finding){.handlers = handlers}, errors);
  keys_free(&keys);
  return err ? err : script_err;
}

int server_describe(const struct config *config, struct buf *out,
                    struct buf *errors) {
  struct keys keys;
  if (keys_load(&keys, config, errors) < 0)
    return ERR_CONFIG;
  int err =
      check_scripts(config, &keys, (struct finding){.interface = out}, errors);
  keys_free(&keys);
  return err;
}
