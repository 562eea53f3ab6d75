/* SPDX-License-Identifier: MIT
 * A serving thread. */
#include "server/worker.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "protocol/session.h"
#include "script/call.h"
#include "script/lib_client.h"

/* --- scripts ------------------------------------------------------------ */

static void keep_result(const struct call_spec *spec,
                        const struct call_result *result) {
  struct buf *kept = spec->arg;
  if (result->verdict == CALL_OK)
    buf_put(kept, result->value[0].text, result->value[0].len);
}

/* @stop of the live generation; what it returns goes to `kept`, as JSON. */
static void run_stop(struct generation *live, struct buf *kept) {
  if (!live->hooks[HOOK_STOP])
    return;
  struct call_spec spec = {.handler = live->hooks[HOOK_STOP],
                           .want_result = true,
                           .done = keep_result,
                           .arg = kept};
  call_run(live, &spec);
}

static void run_start(struct generation *live, const struct buf *previous) {
  if (!live->hooks[HOOK_START])
    return;
  struct call_spec spec = {.handler = live->hooks[HOOK_START],
                           .args = {{previous->len ? CALL_JSON : CALL_NIL,
                                     previous->data, previous->len}},
                           .nargs = 1};
  call_run(live, &spec);
}

static void go_live(struct worker *worker, struct generation *generation,
                    const struct buf *previous) {
  worker->protocol.host.live = generation;
  worker->protocol.stats.reloads++;
  generation->live = true;
  run_start(generation, previous);
}

/* Between two messages: no script runs, none of its results is awaited. */
static void swap(struct worker *worker, struct generation *generation) {
  struct generation *old = worker->protocol.host.live;
  struct buf error = {0}, kept = {0};
  if (generation_inherit(generation, old, &error)) {
    log_error("reload failed, gen=%u goes on: %.*s", old->number,
              (int)error.len, error.data ? error.data : "");
    worker_post(worker->home, LETTER_FREE, generation);
  } else {
    run_stop(old, &kept);
    if (old->hooks[HOOK_STOP] && generation_inherit(generation, old, &error))
      log_error("gen=%u what @stop wrote is lost: %.*s", old->number,
                (int)error.len, error.data);
    old->live = false;
    lib_client_release_all(old);
    go_live(worker, generation, &kept);
    log_info("reload gen=%u is live handlers=%u", generation->number,
             HASH_COUNT(generation->handlers));
    worker_post(worker->home, LETTER_FREE, old);
  }
  buf_free(&error);
  buf_free(&kept);
}

/* --- ending ------------------------------------------------------------- */

static void on_drained(void *arg) {
  struct worker *worker = arg;
  struct buf kept = {0};
  session_reap(&worker->protocol); /* the last ones may wait for it */
  run_stop(worker->protocol.host.live, &kept);
  buf_free(&kept);
  worker->protocol.host.live->live = false;
  drain_close(&worker->drain);
  mailbox_close(&worker->mailbox);
  edge_close(&worker->edge);
}

static void stop(struct worker *worker) {
  if (worker->stopping)
    return;
  worker->stopping = true;
  worker->edge.draining = true;
  listen_stop(&worker->listener);
  double seconds = worker->protocol.config->shutdown_drain_s;
  drain_start(&worker->drain, &worker->protocol, (uint64_t)(seconds * 1000.0),
              on_drained, worker);
}

/* --- letters ------------------------------------------------------------ */

void worker_post(struct mailbox *mailbox, enum letter_kind kind,
                 struct generation *generation) {
  struct letter *letter = mem_alloc(sizeof *letter);
  letter->kind = kind;
  letter->generation = generation;
  list_init(&letter->node);
  mailbox_post_take(mailbox, &letter->node);
}

static void on_letter(struct mailbox *mailbox, struct list *node) {
  struct worker *worker = container_of(mailbox, struct worker, mailbox);
  struct letter *letter = container_of(node, struct letter, node);
  switch (letter->kind) {
  case LETTER_SWAP:
    swap(worker, letter->generation);
    break;
  case LETTER_STOP:
    stop(worker);
    break;
  case LETTER_FREE:
  case LETTER_ENDED:
    break; /* for the main thread */
  }
  mem_free(letter);
}

/* --- life --------------------------------------------------------------- */

void worker_init(struct worker *worker, const struct config *config,
                 const struct jwt_key *key, struct mailbox *home) {
  *worker = (struct worker){.home = home};
  protocol_init(&worker->protocol, &worker->loop, config, key);
}

int worker_open(struct worker *worker, bool development, struct buf *error) {
  uv_loop_init(&worker->loop);
  mailbox_init(&worker->mailbox, &worker->loop, on_letter);
  worker->open = true;
  worker->edge.development = development;
  return edge_open(&worker->edge, &worker->protocol, &worker->loop, error);
}

static void adopt(void *arg, int fd) {
  struct worker *worker = arg;
  edge_adopt_take(&worker->edge, fd);
}

static void run(void *arg) {
  struct worker *worker = arg;
  const struct buf nothing = {0};
  go_live(worker, worker->protocol.host.live, &nothing);
  uv_run(&worker->loop, UV_RUN_DEFAULT);
  worker_post(worker->home, LETTER_ENDED, NULL);
}

void worker_start_take(struct worker *worker, int listen_fd,
                       struct generation *generation) {
  worker->protocol.host.live = generation;
  listen_start(&worker->listener, &worker->loop, listen_fd,
               &worker->protocol.stats, adopt, worker);
  uv_thread_create(&worker->thread, run, worker);
}

void worker_join(struct worker *worker) {
  uv_thread_join(&worker->thread);
}

/* The loop of a worker that never ran still has handles to close. */
static void close_unused(struct worker *worker) {
  mailbox_close(&worker->mailbox);
  edge_close(&worker->edge);
  uv_run(&worker->loop, UV_RUN_DEFAULT);
}

void worker_free(struct worker *worker) {
  if (worker->open && !worker->stopping)
    close_unused(worker);
  generation_free(worker->protocol.host.live);
  worker->protocol.host.live = NULL;
  edge_free(&worker->edge);
  protocol_free(&worker->protocol);
  if (!worker->open)
    return;
  mailbox_free(&worker->mailbox);
  if (uv_loop_close(&worker->loop))
    log_debug("a handle of the worker's loop was left open");
}
