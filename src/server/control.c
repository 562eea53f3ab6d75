/* SPDX-License-Identifier: MIT
 * Answers of the admin address. */
#include "server/control.h"

#include "base/log.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "engine/metrics.h"
#include "engine/timings.h"
#include "events/events.h"
#include "trace/otlp.h"

enum { PATIENCE_MS = 1000 };

static const char json_type[] = "application/json";

/* --- figures ------------------------------------------------------------ */

/* A request for figures. */
struct wish {
  struct list node;
  struct admin_request *request;
  bool json;
};

static void print_gauge(struct buf *out, const char *name, const char *help,
                        const char *labels, double value) {
  buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n%s%s %.0f\n", name, help,
             name, name, labels, value);
}

static void print_process(const struct control *control, struct buf *out) {
  size_t resident = 0;
  uv_resident_set_memory(&resident);
  print_gauge(out, "perigee_info", "which program this is",
              "{version=\"" PERIGEE_VERSION "\"}", 1);
  print_gauge(out, "process_start_time_seconds", "Unix time of the start", "",
              (double)control->started);
  print_gauge(out, "process_resident_memory_bytes", "memory of the process", "",
              (double)resident);
  print_gauge(out, "perigee_draining", "1 while clients are sent away", "",
              control->draining);
  buf_printf(out,
             "# HELP perigee_reloads_failed_total reloads that changed "
             "nothing, or whose @start failed\n"
             "# TYPE perigee_reloads_failed_total counter\n"
             "perigee_reloads_failed_total %u\n",
             control->reloader->failed);
  buf_printf(out,
             "# HELP perigee_log_lines_lost_total log lines that nobody took "
             "in time\n# TYPE perigee_log_lines_lost_total counter\n"
             "perigee_log_lines_lost_total %llu\n",
             (unsigned long long)log_lost());
  print_gauge(out, "perigee_log_waiting_bytes",
              "log lines that nobody has taken yet", "", (double)log_waiting());
}

static void print_keys(const struct keys *keys, struct buf *out) {
  print_gauge(out, "perigee_token_keys", "keys that tokens are checked with",
              "", (double)jwt_key_count(keys->key));
  buf_printf(out,
             "# HELP perigee_key_fetches_total fetches of auth.jwks_url\n"
             "# TYPE perigee_key_fetches_total counter\n"
             "perigee_key_fetches_total{result=\"ok\"} %llu\n"
             "perigee_key_fetches_total{result=\"failed\"} %llu\n",
             (unsigned long long)keys->fetched,
             (unsigned long long)keys->failed);
}

static void print_history_figure(struct buf *out, const char *name,
                                 const char *kind, const char *help,
                                 uint64_t value) {
  buf_printf(out,
             "# HELP perigee_history_%s %s\n# TYPE perigee_history_%s %s\n"
             "perigee_history_%s %llu\n",
             name, help, name, kind, name, (unsigned long long)value);
}

static void print_histories(struct engine *engine, struct buf *out) {
  struct engine_stats stats = engine_stats(engine);
  print_history_figure(out, "rooms", "gauge",
                       "rooms with numbered messages that have members, or "
                       "something that is kept",
                       stats.rooms);
  print_history_figure(out, "messages", "gauge", "messages that are kept",
                       stats.messages);
  print_history_figure(out, "bytes", "gauge", "memory that histories need",
                       stats.bytes);
  print_history_figure(out, "published_total", "counter",
                       "messages that got a number", stats.published);
  print_history_figure(out, "repeated_total", "counter",
                       "messages not sent, as their id was known",
                       stats.repeated);
  print_history_figure(out, "evicted_total", "counter",
                       "histories lost because history.max_mb was used up",
                       stats.evicted);
}

/* What is kept of who is in rooms. X(member of the figures, name, type, help)
 */
#define PRESENCE_MAP(X)                                                        \
  X(rooms, "rooms", "gauge", "rooms of which it is kept who is there")         \
  X(users, "users", "gauge", "users that are there, in each room once")        \
  X(messages, "messages_total", "counter",                                     \
    "messages made to members of these")                                       \
  X(changes, "changes_total", "counter", "comings, goings, changes in them")   \
  X(cancelled, "cancelled_total", "counter",                                   \
    "changes that came to nothing before they were told")                      \
  X(put_off, "put_off_total", "counter",                                       \
    "times such a message waited for a worker that is too far behind")

static void print_presence(struct presence *presence, struct buf *out) {
  struct presence_stats stats = presence_stats(presence);
#define PRESENCE_PRINT(member, name, type, help)                               \
  buf_printf(out,                                                              \
             "# HELP perigee_presence_" name " " help                          \
             "\n# TYPE perigee_presence_" name " " type                        \
             "\nperigee_presence_" name " %llu\n",                             \
             (unsigned long long)stats.member);
  PRESENCE_MAP(PRESENCE_PRINT)
#undef PRESENCE_PRINT
}

static void print_presence_json(struct presence *presence, struct buf *out) {
  struct presence_stats stats = presence_stats(presence);
  buf_puts(out, "\"presence\":{");
#define PRESENCE_PRINT(member, name, type, help)                               \
  buf_printf(out, "\"" #member "\":%llu,", (unsigned long long)stats.member);
  PRESENCE_MAP(PRESENCE_PRINT)
#undef PRESENCE_PRINT
  out->data[out->len - 1] = '}';
}

static void print_prometheus(const struct control *control, struct buf *out) {
  print_process(control, out);
  print_keys(control->keys, out);
  print_presence(control->crew->presence, out);
  snapshot_print(control->last, (size_t)control->crew->count, out);
  print_histories(control->crew->engine, out);
  machines_print(&control->machines, out);
  timings_print(control->timings, out);
  metrics_print(control->metrics, out);
  if (control->api)
    api_print(control->api, out);
  if (control->events)
    events_print(control->events, out);
  if (control->otlp)
    otlp_print(control->otlp, out);
}

static void print_status(const struct control *control, struct buf *out) {
  struct whereabouts_totals totals =
      whereabouts_count_all(control->crew->bus->whereabouts);
  size_t resident = 0;
  uv_resident_set_memory(&resident);
  buf_printf(out,
             "{\"version\":\"" PERIGEE_VERSION "\",\"generation\":%u,"
             "\"started\":%lld,\"draining\":%s,\"reloads_failed\":%u,"
             "\"log_lines_lost\":%llu,\"log_waiting_bytes\":%zu,"
             "\"memory_bytes\":%zu,\"users\":%u,\"rooms\":%u,",
             control->reloader->number, (long long)control->started,
             control->draining ? "true" : "false", control->reloader->failed,
             (unsigned long long)log_lost(), log_waiting(), resident,
             totals.users, totals.rooms);
  print_presence_json(control->crew->presence, out);
  buf_puts(out, ",\"timings\":");
  timings_print_json(control->timings, out);
  buf_puts(out, ",\"workers\":");
  snapshot_print_json(control->last, (size_t)control->crew->count, out);
  buf_puts(out, "}\n");
}

static void answer_all(struct control *control) {
  struct list *node;
  uv_timer_stop(&control->patience);
  while ((node = list_shift(&control->waiting))) {
    struct wish *wish = container_of(node, struct wish, node);
    struct buf out = {0};
    if (wish->json)
      print_status(control, &out);
    else
      print_prometheus(control, &out);
    admin_answer(wish->request, 200,
                 wish->json ? json_type : "text/plain; version=0.0.4", &out);
    mem_free(wish);
  }
}

static bool is_awaited(const struct control *control) {
  for (int i = 0; i < control->crew->count; i++)
    if (control->asked[i])
      return true;
  return false;
}

void control_snapshot(struct control *control,
                      const struct snapshot *snapshot) {
  control->last[snapshot->worker - 1] = *snapshot;
  control->asked[snapshot->worker - 1] = false;
  if (!is_awaited(control))
    answer_all(control);
}

static void on_no_answer(uv_timer_t *timer) {
  struct control *control = container_of(timer, struct control, patience);
  for (int i = 0; i < control->crew->count; i++)
    if (control->asked[i])
      control->last[i].answering = false;
  answer_all(control);
}

/* One letter to each worker serves all who ask until it is answered. One that
 * was given up is answered some time: its figures are then those of the next
 * who ask. */
static void want(struct control *control, struct admin_request *request,
                 bool json) {
  struct crew *crew = control->crew;
  bool first = list_empty(&control->waiting);
  struct wish *wish = mem_alloc(sizeof *wish);
  *wish = (struct wish){.request = request, .json = json};
  list_init(&wish->node);
  list_push(&control->waiting, &wish->node);
  if (!first)
    return;
  for (int i = 0; i < crew->count; i++)
    if (!control->asked[i])
      control->asked[i] = worker_post(&crew->workers[i], LETTER_STATS);
  if (is_awaited(control))
    uv_timer_start(&control->patience, on_no_answer, PATIENCE_MS, 0);
  else
    answer_all(control); /* they have ended: their last words */
}

static void on_metrics(void *arg, struct admin_request *request) {
  want(arg, request, false);
}

static void on_stats(void *arg, struct admin_request *request, bool collect) {
  struct control *control = arg;
  if (collect)
    crew_post(control->crew, LETTER_COLLECT);
  want(arg, request, true);
}

/* --- reload and health -------------------------------------------------- */

static void on_outcome(void *arg, const struct reload_outcome *outcome) {
  static const unsigned status[] = {[RELOAD_OK] = 200,
                                    [RELOAD_FAILED] = 422,
                                    [RELOAD_LATE] = 503,
                                    [RELOAD_STOPPED] = 503};
  struct buf out = {0};
  buf_put(&out, outcome->json->data, outcome->json->len);
  admin_answer(arg, status[outcome->verdict], json_type, &out);
}

static void on_reload(void *arg, struct admin_request *request, bool check,
                      bool all) {
  struct control *control = arg;
  if (all)
    accord_ask(&control->accord, check, request);
  else
    reload_ask(control->reloader, check, on_outcome, request);
}

static void on_interface(void *arg, struct admin_request *request) {
  const struct control *control = arg;
  const struct buf *interface = manifest_interface(control->reloader->live);
  struct buf out = {0};
  buf_put(&out, interface->data, interface->len);
  buf_putc(&out, '\n');
  admin_answer(request, 200, json_type, &out);
}

static unsigned on_health(void *arg, struct buf *text) {
  const struct control *control = arg;
  unsigned status = 200;
  if (control->draining) {
    buf_puts(text, "draining\n");
    return 503;
  }
  for (int i = 0; i < control->crew->count; i++)
    if (watchdog_is_stuck(&control->crew->watchdogs[i], text))
      status = 503;
  if (status == 200 && !machines_complain(&control->machines, text))
    buf_puts(text, "ok\n");
  return status;
}

static unsigned on_ready(void *arg, struct buf *text) {
  const struct control *control = arg;
  if (control->draining)
    buf_puts(text, "draining\n");
  else if (!machines_are_ready(&control->machines))
    buf_puts(text, "Redis was not there yet\n");
  else
    buf_puts(text, "ok\n");
  return slice_equals((struct slice){text->data, text->len}, "ok\n") ? 200
                                                                     : 503;
}

static void on_nodes(void *arg, struct admin_request *request) {
  struct control *control = arg;
  machines_ask(&control->machines, request);
}

/* Every development server has the same default; one of them gets it. */
static bool may_do_without(const struct config *config, enum config_mode mode) {
  return mode == CONFIG_DEVELOPMENT &&
         !strcmp(config->from[OPTION_AT_admin_listen], "default");
}

/* --- the API, which answers at the same address ------------------------- */

static void pass_to_admin(void *arg, int fd, const char *ip,
                          struct slice read) {
  struct control *control = arg;
  admin_resume_take(&control->admin, fd, ip, read);
}

static void pass_to_api(void *arg, int fd, const char *ip, struct slice read) {
  struct control *control = arg;
  api_visit_take(control->api, fd, ip, read);
}

static bool is_from_console(void *arg, const struct request *request) {
  struct control *control = arg;
  return control->api && api_is_console(control->api, request);
}

static const struct admin_calls calls = {
    .health = on_health,
    .ready = on_ready,
    .nodes = on_nodes,
    .metrics = on_metrics,
    .stats = on_stats,
    .interface = on_interface,
    .reload = on_reload,
    .is_from_console = is_from_console,
};

static int open_control_api(struct control *control,
                            const struct config *config, uv_loop_t *loop,
                            struct buf *error) {
  struct api_wiring wiring = {.config = config,
                              .bus = control->crew->bus,
                              .engine = control->crew->engine,
                              .presence = control->crew->presence,
                              .desks = control->crew->desks,
                              .board = control->crew->board,
                              .tokens = control->keys->key,
                              .clients = control->clients,
                              .main_loop = loop,
                              .foreign = pass_to_admin,
                              .arg = control};
  if (!api_is_wanted(config))
    return 0;
  control->api = api_new(&wiring, error);
  return control->api ? 0 : ERR_SYSTEM;
}

/* --- life --------------------------------------------------------------- */

static int open_control_admin(struct control *control,
                              const struct config *config,
                              enum config_mode mode, uv_loop_t *loop,
                              struct buf *error) {
  struct buf why = {0};
  if (!*config->admin_listen)
    return 0;
  int err = admin_open(&control->admin, config->admin_listen, loop, &why);
  if (err && may_do_without(config, mode)) {
    log_warn("no admin address: %.*s", (int)why.len, why.data);
    err = 0;
  }
  if (err)
    buf_put(error, why.data, why.len);
  buf_free(&why);
  return err;
}

int control_open(struct control *control, const struct config *config,
                 enum config_mode mode, uv_loop_t *loop, struct buf *error) {
  size_t workers = (size_t)control->crew->count;
  control->last = mem_alloc(workers * sizeof *control->last);
  control->asked = mem_alloc(workers * sizeof *control->asked);
  control->started = time(NULL);
  list_init(&control->waiting);
  uv_timer_init(loop, &control->patience);
  machines_open(&control->machines, control->crew->engine, loop);
  accord_open(&control->accord, control->crew->engine, control->reloader, loop);
  control->admin.fd = -1;
  control->open = true;
  int err = open_control_admin(control, config, mode, loop, error);
  return err ? err : open_control_api(control, config, loop, error);
}

void control_start(struct control *control, uv_loop_t *loop) {
  bool admin = admin_is_open(&control->admin);
  int fd = -1;
  if (admin && control->api)
    fd = admin_start_behind(&control->admin, &calls, control, pass_to_api,
                            control);
  else if (admin)
    admin_start(&control->admin, loop, &calls, control);
  if (control->api)
    api_start_take(control->api, fd);
}

const char *control_address(const struct control *control) {
  return admin_is_open(&control->admin) ? control->admin.address : "-";
}

void control_close(struct control *control) {
  if (!control->open)
    return;
  control->open = false;
  if (control->api)
    api_stop(control->api);
  answer_all(control);
  machines_close(&control->machines);
  accord_close(&control->accord);
  uv_close((uv_handle_t *)&control->patience, NULL);
  admin_close(&control->admin);
}

void control_free(struct control *control) {
  admin_free(&control->admin);
  machines_free(&control->machines);
  accord_free(&control->accord);
  api_free(control->api);
  mem_free(control->last);
  mem_free(control->asked);
}
