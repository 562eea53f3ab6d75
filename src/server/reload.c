/* SPDX-License-Identifier: MIT
 * Reloads.
 *
 * All workers go from one generation to the next, or none does. It is a commit
 * in two steps, over letters:
 *
 *   main thread                           each worker
 *   begin_next   configuration, scripts,
 *                a generation for each
 *   send_off     SWAP ──────────────────► can client.state be copied?
 *                     ◄──────── READY or REFUSED
 *   all READY    GO ────────────────────► @stop, copy, live, @start
 *                     ◄──────────────── SWAPPED
 *   all SWAPPED  succeed
 *
 * With several machines there may be a pause before GO: reload_prepare waits
 * there for the others (server/accord).
 *
 * Up to GO it can be given up: by a REFUSED, or because a worker has not
 * answered in PATIENCE_S. Then withdraw_offer takes the offers back, and
 * everything is as before. After GO it cannot: some workers may be live
 * already. So the timer stops at GO, and whoever answers late answers late.
 *
 * Rules that hold:
 *
 * - One reload at a time: `awaited` is the number of answers that are still to
 *   come, and 0 means that none is under way. begin_waiting is called wherever
 *   it may have become 0.
 * - Each attempt has a number of its own, also one that fails (`built`). Every
 *   letter says which attempt it is about; an answer about another one than
 *   `next_number` is about a reload that is over, and is dropped.
 * - The new configuration is only lent to the crew while it builds
 *   (each generation holds it). take_renewal makes it the
 *   live one when all workers have it; drop_renewal ends every attempt, good
 *   or not.
 * - Those who ask while a reload is under way are served by the next one, all
 *   together: the folder may have changed since this one read it. tell_asks
 *   takes its list apart before it calls anybody, as who is told may ask again.
 */
#include "server/reload.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "server/reload_answer.h"
#include "server/reload_check.h"
#include "server/types.h"

#include <string.h>

/* What fills client.state comes along, so that building again may not help. */
enum { REBUILD_EVERY_S = 10 };

/* For the workers to come to a letter and to try whether client.state can be
 * copied. Lua is ended by its budget long before; a C function cannot be. */
enum { PATIENCE_S = 5 };

/* Somebody who wants to know what came of it. */
struct ask {
  struct list node;
  reload_done_fn *ready; /* NULL: it does not want to decide */
  reload_done_fn *done;
  void *arg;
};

/* --- those who ask -------------------------------------------------------- */

/* Takes the list apart, as `done` may ask for more. */
static void tell_asks(struct list *asks, const struct reload_outcome *outcome) {
  struct list told, *node;
  list_move(asks, &told);
  while ((node = list_shift(&told))) {
    struct ask *ask = container_of(node, struct ask, node);
    if (ask->done)
      ask->done(ask->arg, outcome);
    mem_free(ask);
  }
}

/* --- the configuration -------------------------------------------------- */

/* What is built from now on has the configuration as it is read now. */
static int renew(struct reloader *reloader, struct buf *error) {
  int err =
      renewal_read(&reloader->renewal, reloader->args, reloader->config, error);
  if (!err)
    err = keys_read(reloader->keys, reloader->renewal.config, error);
  if (!err)
    crew_configure(reloader->crew, reloader->renewal.config);
  return err;
}

static void drop_renewal(struct reloader *reloader) {
  keys_drop(reloader->keys);
  crew_configure(reloader->crew, reloader->config);
  renewal_free(&reloader->renewal);
}

static void say_renewed(const struct renewal *renewal) {
  const struct buf *changed = &renewal->changed, *kept = &renewal->kept;
  if (changed->len > 0)
    log_info("options have changed: %.*s", (int)changed->len, changed->data);
  if (kept->len > 0)
    log_warn("options have changed that need a restart: %.*s", (int)kept->len,
             kept->data);
}

/* Every worker has it. */
static void take_renewal(struct reloader *reloader) {
  const struct config *config = reloader->renewal.config;
  if (!config)
    return; /* the same scripts were built again */
  say_renewed(&reloader->renewal);
  keys_use(reloader->keys);
  if (reloader->api)
    api_configure(reloader->api, config);
  else if (api_is_wanted(config))
    log_warn("api.keys: the API begins with the next start");
  config_free(reloader->config);
  reloader->config = config_ref(config);
  log_set_level((enum log_level)config->log_level);
  drop_renewal(reloader);
}

/* --- one reload after the other ----------------------------------------- */

/* What @start has raised. The traceback is in the log already. */
static void put_wrong(struct reloader *reloader, struct buf *json) {
  struct buf *wrong = &reloader->wrong;
  const char *end = memchr(wrong->data, '\n', wrong->len);
  if (end)
    wrong->len = (size_t)(end - wrong->data);
  reloader->failed++;
  log_error("reload gen=%u is live, but its @start failed: %.*s",
            reloader->number, (int)wrong->len, wrong->data);
  buf_puts(json, ",\"live\":true");
  reload_answer_error(json, wrong);
  buf_reset(wrong, 0);
}

static void keep_types(const struct reloader *reloader) {
  const struct config *next = reloader->renewal.config;
  if (reloader->args->mode == CONFIG_DEVELOPMENT)
    types_write(next ? next : reloader->config, reloader->live);
}

static void succeed(struct reloader *reloader) {
  struct buf json = {0};
  struct manifest *before = reloader->live;
  bool good = reloader->wrong.len == 0;
  reloader->number = reloader->next_number;
  reloader->live = reloader->next;
  reloader->next = NULL;
  keep_types(reloader);
  crew_show_scripts(reloader->crew, manifest_print(reloader->live));
  log_info("reload gen=%u is live files=%zu handlers=%zu ms=%.1f",
           reloader->number, manifest_files(reloader->live),
           manifest_handlers(reloader->live),
           (double)(uv_hrtime() - reloader->started_ns) / 1e6);
  reload_answer_begin(&json, good, false, reloader->number,
                      reloader->started_ns);
  reload_answer_changes(&json, before, reloader->live);
  reload_answer_renewal(&json, &reloader->renewal);
  reload_answer_verdicts(&json, before, reloader->live);
  if (!good)
    put_wrong(reloader, &json);
  buf_puts(&json, "}\n");
  take_renewal(reloader);
  tell_asks(&reloader->served,
            &(struct reload_outcome){good ? RELOAD_OK : RELOAD_FAILED, &json});
  manifest_free(before);
  buf_free(&json);
}

static void log_failure(struct reloader *reloader, const struct buf *why) {
  reloader->failed++;
  log_error("reload failed, gen=%u goes on: %.*s", reloader->number,
            (int)why->len, why->len ? why->data : "");
}

static void fail_reload(struct reloader *reloader, const struct buf *error) {
  struct buf json = {0};
  log_failure(reloader, error);
  reload_answer_begin(&json, false, false, reloader->number,
                      reloader->started_ns);
  reload_answer_error(&json, error);
  buf_puts(&json, "}\n");
  tell_asks(&reloader->served, &(struct reload_outcome){RELOAD_FAILED, &json});
  buf_free(&json);
}

/* The text is no script's error, though it may name a place in one. */
static void fail_otherwise(struct reloader *reloader, const struct buf *why,
                           enum reload_verdict verdict) {
  struct buf json = {0};
  log_failure(reloader, why);
  reload_answer_begin(&json, false, false, reloader->number,
                      reloader->started_ns);
  reload_answer_message(&json, why->data, why->len);
  buf_puts(&json, "}\n");
  tell_asks(&reloader->served,
            &(struct reload_outcome){.verdict = verdict, .json = &json});
  buf_free(&json);
}

static void refuse_asks(struct list *asks) {
  struct buf json = {0};
  buf_puts(&json, "{\"ok\":false,\"message\":\"the server is ending\"}\n");
  tell_asks(asks, &(struct reload_outcome){RELOAD_STOPPED, &json});
  buf_free(&json);
}

static void on_second(uv_timer_t *timer);

/* Offers them to the workers, or tells that there are none. */
static void send_off(struct reloader *reloader, struct generation **next,
                     const struct buf *error) {
  if (!next) {
    drop_renewal(reloader);
    fail_reload(reloader, error);
    return;
  }
  reloader->next = manifest_new(next[0]);
  reloader->awaited = reloader->crew->running;
  reloader->seconds = 0;
  uv_timer_start(&reloader->patience, on_second, 1000, 1000);
  crew_offer_take(reloader->crew, next);
}

/* Builds for all who wait. */
static void begin_next(struct reloader *reloader) {
  struct buf error = {0};
  struct generation **next = NULL;
  list_move(&reloader->waiting, &reloader->served);
  reloader->started_ns = uv_hrtime();
  reloader->next_number = ++reloader->built;
  struct bundle *bundle = NULL;
  if (renew(reloader, &error) == 0)
    bundle = bundle_read(reloader->config->scripts, &error);
  if (bundle)
    next = crew_build(reloader->crew, bundle, reloader->next_number, &error);
  bundle_unref(bundle);
  send_off(reloader, next, &error);
  buf_free(&error);
}

static void begin_waiting(struct reloader *reloader) {
  while (reloader->awaited == 0 && !list_empty(&reloader->waiting))
    if (reloader->stopped)
      refuse_asks(&reloader->waiting);
    else
      begin_next(reloader);
}

/* One of them cannot, so none does. Answers that are still to come are about a
 * reload that is over. */
static void withdraw_offer(struct reloader *reloader) {
  uv_timer_stop(&reloader->patience);
  crew_withdraw(reloader->crew);
  drop_renewal(reloader);
  manifest_free(reloader->next);
  reloader->next = NULL;
  reloader->awaited = 0;
}

static void put_late(struct buf *out, int worker, const char *handler) {
  buf_printf(out, "%sworker %d has not answered for %d s", out->len ? "; " : "",
             worker, PATIENCE_S);
  if (handler)
    buf_printf(out,
               ": handler '%s' holds it in a C function that cannot be ended",
               handler);
}

/* It counts seconds, and not their end: between two of them the loop opens
 * letters, also when it was held up itself. */
static void on_second(uv_timer_t *timer) {
  struct reloader *reloader = container_of(timer, struct reloader, patience);
  const struct crew *crew = reloader->crew;
  struct buf why = {0};
  if (++reloader->seconds < PATIENCE_S)
    return;
  for (int i = 0; i < crew->count; i++)
    if (reloader->heard[i] != reloader->next_number)
      put_late(&why, i + 1, watchdog_holder(&crew->watchdogs[i]));
  withdraw_offer(reloader);
  fail_otherwise(reloader, &why, RELOAD_LATE);
  buf_free(&why);
  begin_waiting(reloader);
}

/* --- when all have agreed ----------------------------------------------- */

static void let_go_live(struct reloader *reloader) {
  reloader->awaited = reloader->crew->running;
  crew_post(reloader->crew, LETTER_GO);
}

/* Whoever wants to decide hears that it can be. False: nobody does. */
static bool hold_if_wanted(struct reloader *reloader) {
  struct buf json = {0};
  LIST_FOREACH (it, &reloader->served) {
    const struct ask *ask = container_of(it, struct ask, node);
    if (!ask->ready)
      continue;
    reloader->held = true;
    reloader->awaited = 1; /* its word */
    reload_answer_begin(&json, true, false, reloader->number,
                        reloader->started_ns);
    reload_answer_changes(&json, reloader->live, reloader->next);
    reload_answer_renewal(&json, &reloader->renewal);
    buf_puts(&json, "}\n");
    ask->ready(ask->arg, &(struct reload_outcome){RELOAD_OK, &json});
    buf_free(&json);
    return true;
  }
  return false;
}

void reload_decide(struct reloader *reloader, bool go, const char *why) {
  struct buf text = {0};
  if (!reloader->held)
    return;
  reloader->held = false;
  if (go) {
    let_go_live(reloader);
    return;
  }
  buf_puts(&text, why);
  withdraw_offer(reloader);
  fail_otherwise(reloader, &text, RELOAD_FAILED);
  buf_free(&text);
  begin_waiting(reloader);
}

void reload_answered(struct reloader *reloader, const struct letter *letter) {
  if (reloader->awaited == 0 || letter->number != reloader->next_number)
    return;
  reloader->heard[letter->worker - 1] = letter->number;
  if (letter->kind == LETTER_SWAPPED && reloader->wrong.len == 0)
    buf_put(&reloader->wrong, letter->text.data, letter->text.len);
  if (letter->kind == LETTER_REFUSED) {
    withdraw_offer(reloader);
    fail_reload(reloader, &letter->text);
  } else if (--reloader->awaited > 0) {
    return;
  } else if (letter->kind == LETTER_READY) {
    uv_timer_stop(&reloader->patience);
    if (!hold_if_wanted(reloader))
      let_go_live(reloader);
  } else {
    succeed(reloader);
  }
  begin_waiting(reloader);
}

void reload_rebuild(struct reloader *reloader, const struct generation *full) {
  struct buf error = {0};
  uint64_t now_ns = uv_hrtime();
  if (reloader->stopped || reloader->awaited > 0 ||
      full->number != reloader->number ||
      (reloader->rebuilt_ns &&
       now_ns - reloader->rebuilt_ns < REBUILD_EVERY_S * UINT64_C(1000000000)))
    return;
  reloader->started_ns = reloader->rebuilt_ns = now_ns;
  log_error("gen=%u worker=%d has used up script.memory_mb=%lld: its scripts "
            "start again",
            full->number, full->host->worker,
            (long long)reloader->config->script_memory_mb);
  reloader->next_number = ++reloader->built;
  struct generation **next =
      crew_build(reloader->crew, full->bundle, reloader->next_number, &error);
  send_off(reloader, next, &error);
  buf_free(&error);
}

/* --- asking ------------------------------------------------------------- */

static void check_now(const struct reloader *reloader, struct list *asks) {
  struct buf json = {0};
  bool good = reload_check(reloader, &json);
  tell_asks(asks,
            &(struct reload_outcome){good ? RELOAD_OK : RELOAD_FAILED, &json});
  buf_free(&json);
}

static struct ask *new_ask(reload_done_fn *done, void *arg) {
  struct ask *ask = mem_alloc(sizeof *ask);
  *ask = (struct ask){.done = done, .arg = arg};
  list_init(&ask->node);
  return ask;
}

static void queue_ask_take(struct reloader *reloader, struct ask *ask) {
  struct list asks;
  list_init(&asks);
  if (reloader->stopped) {
    list_push(&asks, &ask->node);
    refuse_asks(&asks);
    return;
  }
  crew_post(reloader->crew, LETTER_TLS);
  list_push(&reloader->waiting, &ask->node);
  begin_waiting(reloader);
}

void reload_ask(struct reloader *reloader, bool check, reload_done_fn *done,
                void *arg) {
  struct list asks;
  struct ask *ask = new_ask(done, arg);
  if (!check || reloader->stopped) {
    queue_ask_take(reloader, ask);
    return;
  }
  list_init(&asks);
  list_push(&asks, &ask->node);
  check_now(reloader, &asks);
}

void reload_prepare(struct reloader *reloader, reload_done_fn *ready,
                    reload_done_fn *done, void *arg) {
  struct ask *ask = new_ask(done, arg);
  ask->ready = ready;
  queue_ask_take(reloader, ask);
}

/* --- life --------------------------------------------------------------- */

void reload_init(struct reloader *reloader, const struct config_args *args,
                 const struct config *config, struct crew *crew,
                 uv_loop_t *loop) {
  *reloader = (struct reloader){
      .args = args, .config = config_ref(config), .crew = crew};
  reloader->heard = mem_alloc((size_t)crew->count * sizeof *reloader->heard);
  uv_timer_init(loop, &reloader->patience);
  list_init(&reloader->served);
  list_init(&reloader->waiting);
}

struct generation **reload_first(struct reloader *reloader, struct buf *error) {
  struct generation **first = NULL;
  struct bundle *bundle = bundle_read(reloader->config->scripts, error);
  reloader->number = reloader->built = 1;
  if (bundle)
    first = crew_build(reloader->crew, bundle, 1, error);
  if (first)
    reloader->live = manifest_new(first[0]);
  if (first)
    keep_types(reloader);
  if (first)
    crew_show_scripts(reloader->crew, manifest_print(reloader->live));
  bundle_unref(bundle);
  return first;
}

void reload_stop(struct reloader *reloader) {
  reloader->stopped = true;
  refuse_asks(&reloader->waiting);
}

void reload_free(struct reloader *reloader) {
  refuse_asks(&reloader->served);
  drop_renewal(reloader);
  config_free(reloader->config);
  manifest_free(reloader->live);
  manifest_free(reloader->next);
  mem_free(reloader->heard);
  buf_free(&reloader->wrong);
  uv_close((uv_handle_t *)&reloader->patience, NULL);
}
