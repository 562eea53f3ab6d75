/* SPDX-License-Identifier: MIT
 * Swapping generations.
 *
 * Up to three kinds of generations are on a worker at once: the live one, which
 * gets all messages; at most one that is incoming, and has run nothing but its
 * own files; and those that retire, in the order in which they were live, in
 * which calls still wait.
 *
 * The moment of the swap is on_stopped. It runs in one go: client.state is
 * copied, host.live is set, @start is called, the old one retires. No message
 * is between these steps, so a handler sees either the old world or the new
 * one. client.state was copied once before (swap_prepare), and that copy only
 * answered the question whether it can be: handlers and @stop may have written
 * since. If the second copy fails, it is too late to go back, as @stop has run
 * already. What cannot be copied is lost then, and the log says so.
 *
 * @stop may wait, and meanwhile the old generation serves. That is why `going`
 * stands beside `incoming`: a CANCEL that comes late, or an end of the worker,
 * must not take away what on_stopped is about to use.
 *
 * A generation is released when no call of it is left, and that may happen in
 * the middle of anything that ends a call. Whoever still needs one across such
 * a step holds it (call_hold, call_let_go), and releasing is only a letter to
 * the main thread, which frees it. Not before lib_client_release_all: client
 * objects of the old Lua state must not point to connections any more. */
#include "server/swap.h"

#include "base/log.h"
#include "hub/declared.h"
#include "protocol/farewell.h"
#include "protocol/online.h"
#include "script/call.h"
#include "script/client_state.h"
#include "script/lib_client.h"
#include "script/lib_time.h"
#include "trace/tracer.h"

static struct host *host_of(struct swap *swap) {
  return &swap->protocol->host;
}

/* --- hooks -------------------------------------------------------------- */

static void run_stop_hook(struct swap *swap, call_done_fn *done) {
  struct generation *live = host_of(swap)->live;
  struct call_result none = {.verdict = CALL_OK};
  struct call_spec spec = {.handler = live->hooks[HOOK_STOP],
                           .results = 1,
                           .done = done,
                           .arg = swap};
  buf_reset(&swap->kept, 0);
  if (spec.handler)
    call_run(live, &spec);
  else
    done(&spec, &none);
}

/* Later, when it has waited, it is an error like others. */
static void on_started(const struct call_spec *spec,
                       const struct call_result *result) {
  struct swap *swap = spec->arg;
  if (swap->starting && result->verdict == CALL_FAILED)
    buf_puts(&swap->wrong, result->error);
}

static void go_live(struct swap *swap, struct generation *generation) {
  buf_reset(&swap->wrong, 0);
  host_of(swap)->live = generation;
  protocol_configure(swap->protocol, generation->config);
  tracer_sample(generation->config->trace_sample);
  declared_set_rules(&swap->protocol->manager, generation->rules);
  host_of(swap)->stats->reloads++;
  generation->live = true;
  online_listen(swap->protocol);
  if (!generation->hooks[HOOK_START])
    return;
  struct call_spec spec = {.handler = generation->hooks[HOOK_START],
                           .args = {{swap->kept.len ? CALL_JSON : CALL_NIL,
                                     swap->kept.data, swap->kept.len}},
                           .nargs = 1,
                           .done = on_started,
                           .arg = swap};
  swap->starting = true;
  call_run(generation, &spec);
  swap->starting = false;
}

/* --- retiring ----------------------------------------------------------- */

static void arm_drain(struct swap *swap);

static void on_drain(uv_timer_t *timer) {
  struct swap *swap = container_of(timer, struct swap, drain);
  struct list *oldest = host_of(swap)->retiring.next;
  struct generation *generation = container_of(oldest, struct generation, node);
  if (oldest == &host_of(swap)->retiring)
    return;
  log_warn("gen=%u calls=%u were not over after script.drain_s: aborted",
           generation->number, generation->calls);
  call_hold(generation); /* its end releases it, and arms for the next one */
  call_abort_all(generation, ERR_UNAVAILABLE,
                 "these scripts were replaced, and script.drain_s is over");
  lib_time_close(generation); /* what was spawned, and has not begun */
  call_let_go(generation);
}

/* They retire in order, and all get the same time. */
static void arm_drain(struct swap *swap) {
  struct list *oldest = host_of(swap)->retiring.next;
  uint64_t now = uv_now(swap->drain.loop);
  if (oldest == &host_of(swap)->retiring) {
    uv_timer_stop(&swap->drain);
    return;
  }
  uint64_t due = container_of(oldest, struct generation, node)->retire_ms;
  uv_timer_start(&swap->drain, on_drain, due > now ? due - now : 0, 0);
}

static void release_retired(struct swap *swap, struct generation *generation) {
  generation->live = false;
  list_remove(&generation->node);
  lib_client_release_all(generation);
  swap->release(swap->arg, generation);
}

static void on_generation_idle(struct generation *generation) {
  struct swap *swap = generation->host->swap;
  log_debug("gen=%u has ended", generation->number);
  release_retired(swap, generation);
  arm_drain(swap);
}

static void retire(struct swap *swap, struct generation *old) {
  double seconds = swap->protocol->config->script_drain_s;
  old->retire_ms = uv_now(swap->drain.loop) + (uint64_t)(seconds * 1000.0);
  list_push(&host_of(swap)->retiring, &old->node);
  call_hold(old); /* it must not go in the middle of this */
  lib_time_retire(old);
  arm_drain(swap);
  call_let_go(old);
}

/* --- swapping ----------------------------------------------------------- */

static void on_stopped(const struct call_spec *spec,
                       const struct call_result *result) {
  struct swap *swap = spec->arg;
  struct generation *old = host_of(swap)->live, *next = host_of(swap)->incoming;
  struct buf error = {0};
  host_of(swap)->incoming = NULL;
  swap->going = false;
  if (result->verdict == CALL_OK)
    buf_put(&swap->kept, result->value[0].text, result->value[0].len);
  /* Once more: handlers ran meanwhile, and @stop. */
  if (client_state_inherit(next, old, &error))
    log_error("gen=%u what was written to client.state just now is lost: %.*s",
              old->number, (int)error.len, error.data);
  buf_free(&error);
  go_live(swap, next);
  retire(swap, old);
  swap->done(swap->arg);
}

int swap_prepare(struct swap *swap, struct generation *generation,
                 struct buf *error) {
  int err = client_state_inherit(generation, host_of(swap)->live, error);
  if (err)
    lib_client_release_all(generation);
  else
    host_of(swap)->incoming = generation;
  return err;
}

void swap_go(struct swap *swap) {
  if (!host_of(swap)->incoming || swap->going)
    return; /* the worker is ending, and has released it */
  swap->going = true;
  run_stop_hook(swap, on_stopped);
}

void swap_cancel(struct swap *swap) {
  struct generation *incoming = host_of(swap)->incoming;
  if (!incoming || swap->going)
    return;
  host_of(swap)->incoming = NULL;
  lib_client_release_all(incoming);
  swap->release(swap->arg, incoming);
}

/* --- start and end ------------------------------------------------------ */

void swap_init(struct swap *swap, struct protocol *protocol,
               swap_release_fn *release_generation, void (*done)(void *arg),
               void *arg) {
  *swap = (struct swap){.protocol = protocol,
                        .release = release_generation,
                        .done = done,
                        .arg = arg};
  protocol->host.swap = swap;
  protocol->host.generation_idle = on_generation_idle;
  uv_timer_init(protocol->loop, &swap->drain);
}

void swap_start(struct swap *swap, struct generation *first) {
  go_live(swap, first);
}

static void abort_all(struct swap *swap) {
  static const char why[] = "the server ends";
  call_abort_all(host_of(swap)->live, ERR_UNAVAILABLE, why);
  LIST_FOREACH_SAFE (it, &host_of(swap)->retiring)
    call_abort_all(container_of(it, struct generation, node), ERR_UNAVAILABLE,
                   why);
}

static void on_last_stopped(const struct call_spec *spec,
                            const struct call_result *result) {
  struct swap *swap = spec->arg;
  struct generation *live = host_of(swap)->live;
  (void)result;    /* there is nobody to hand it to */
  abort_all(swap); /* what began while @stop waited */
  lib_time_close(live);
  live->live = false;
  swap->ended(swap->arg);
}

/* Whether a call waits, or a connection for its farewell, or for its turn, or a
 * user to be told of. */
static bool has_work(struct swap *swap) {
  bool busy = !list_empty(&host_of(swap)->live->waiting) ||
              !list_empty(&swap->protocol->manager.gone) ||
              turn_has(&host_of(swap)->turn, TURN_CLIENTS) ||
              online_has_more(swap->protocol);
  LIST_FOREACH (it, &host_of(swap)->retiring)
    busy |= !list_empty(&container_of(it, struct generation, node)->waiting);
  return busy;
}

/* What scripts hear before they are stopped. */
static void finish_clients(struct swap *swap) {
  turn_finish(&host_of(swap)->turn, TURN_CLIENTS);
  farewell_say(swap->protocol);
  online_say(swap->protocol);
}

void swap_end(struct swap *swap, void (*ended)(void *arg)) {
  struct host *host = host_of(swap);
  swap->ended = ended;
  swap_cancel(swap);
  online_stop(swap->protocol);
  finish_clients(swap);
  LIST_FOREACH_SAFE (it, &host->retiring)
    lib_time_close(container_of(it, struct generation, node));
  /* Each call that ends may bring the next step of a farewell, which waits
   * again: as many times as there are handlers to hear, rooms to leave. */
  while (has_work(swap)) {
    abort_all(swap);
    finish_clients(swap);
  }
  run_stop_hook(swap, on_last_stopped);
}

void swap_close(struct swap *swap) {
  buf_free(&swap->kept);
  buf_free(&swap->wrong);
  uv_close((uv_handle_t *)&swap->drain, NULL);
}
