/* SPDX-License-Identifier: MIT
 * A serving thread. */
#include "server/worker.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "events/events.h"
#include "net/fetch.h"
#include "net/tcp.h"
#include "protocol/heartbeat.h"
#include "protocol/history.h"
#include "protocol/keywait.h"
#include "protocol/remote.h"
#include "trace/tracer.h"

#include <stdlib.h>

/* --- letters home ------------------------------------------------------- */

static struct letter *new_letter(enum letter_kind kind,
                                 struct generation *generation) {
  struct letter *letter = mem_alloc(sizeof *letter);
  letter->kind = kind;
  letter->generation = generation;
  list_init(&letter->node);
  return letter;
}

void letter_free(struct letter *letter) {
  buf_free(&letter->text);
  mem_free(letter);
}

/* The main thread opens letters until LETTER_ENDED has come. */
static void send_home(struct worker *worker, struct letter *letter) {
  letter->worker = worker->protocol.host.worker;
  if (!mailbox_post_take(worker->home, &letter->node))
    abort();
}

static void write_home(struct worker *worker, enum letter_kind kind,
                       struct generation *generation) {
  send_home(worker, new_letter(kind, generation));
}

static void tell_stats(struct worker *worker) {
  struct letter *letter = new_letter(LETTER_STATS, NULL);
  snapshot_take(&letter->snapshot, &worker->protocol);
  send_home(worker, letter);
}

/* --- scripts ------------------------------------------------------------ */

static void on_released(void *arg, struct generation *generation) {
  struct worker *worker = arg;
  write_home(worker, LETTER_FREE, generation);
}

static void on_full(struct generation *generation) {
  struct worker *worker =
      container_of(generation->host, struct worker, protocol.host);
  write_home(worker, LETTER_FULL, generation);
}

/* What came of a SWAP or a GO. The bytes of the text go with the letter. */
static void answer_swap(struct worker *worker, enum letter_kind kind,
                        unsigned number, struct buf *text) {
  struct letter *letter = new_letter(kind, NULL);
  letter->number = number;
  letter->text = *text;
  *text = (struct buf){0};
  send_home(worker, letter);
}

static void on_swapped(void *arg) {
  struct worker *worker = arg;
  edge_configure(&worker->edge);
  answer_swap(worker, LETTER_SWAPPED, worker->protocol.host.live->number,
              &worker->swap.wrong);
}

/* What is offered under that number; NULL when it was withdrawn. Another one
 * may be offered by then: that has a letter of its own, and as each letter
 * takes only its own, a GO or CANCEL is about the last one that was taken. */
static struct generation *take_offer(struct worker *worker, unsigned number) {
  struct generation *generation = NULL;
  uv_mutex_lock(&worker->offer_lock);
  if (worker->offered && worker->offered->number == number) {
    generation = worker->offered;
    worker->offered = NULL;
  }
  uv_mutex_unlock(&worker->offer_lock);
  return generation;
}

/* Takes the generation in, or gives it back. */
static void prepare_offer(struct worker *worker, unsigned number) {
  struct generation *generation = take_offer(worker, number);
  struct buf error = {0};
  int err = ERR_CLOSED;
  if (!generation)
    return;
  if (worker->stopping)
    buf_puts(&error, "the server is ending");
  else
    err = swap_prepare(&worker->swap, generation, &error);
  if (err)
    on_released(worker, generation);
  answer_swap(worker, err ? LETTER_REFUSED : LETTER_READY, number, &error);
  buf_free(&error);
}

/* --- the bus -------------------------------------------------------------- */

static void open_bus(struct worker *worker) {
  struct protocol *protocol = &worker->protocol;
  int index = protocol->manager.worker;
  bus_open(worker->bus, index, &worker->loop, remote_receive, protocol);
  bus_take_turns(worker->bus, index, &protocol->host.turn);
  engine_attach(protocol->manager.engine, index, &protocol->host.turn);
  protocol->manager.home = worker->bus;
}

static void close_bus(struct worker *worker) {
  int index = worker->protocol.manager.worker;
  engine_detach(worker->protocol.manager.engine, index);
  bus_close(worker->bus, index);
}

/* --- events ------------------------------------------------------------- */

static void open_after(struct worker *worker) {
  struct host *host = &worker->protocol.host;
  if (!host->events)
    return;
  ticket_queue_open(&worker->after, events_tickets(host->events),
                    &worker->loop);
  host->after = &worker->after;
}

static void close_after(struct worker *worker) {
  if (worker->protocol.host.after)
    ticket_queue_close(&worker->after);
  worker->protocol.host.after = NULL;
}

/* --- ending ------------------------------------------------------------- */

/* All that is open from the beginning. */
static void close_parts(struct worker *worker) {
  struct protocol *protocol = &worker->protocol;
  close_after(worker);
  fetcher_close(protocol->host.fetcher);
  history_close(protocol);
  close_bus(worker);
  desk_close(&worker->desk);
  keywait_close(protocol);
  roster_close(&protocol->roster);
  swap_close(&worker->swap);
  mailbox_close(&worker->mailbox);
  edge_close(&worker->edge);
  turn_close(&protocol->host.turn);
  wheel_close(&protocol->wheel);
}

static void on_swap_ended(void *arg) {
  struct worker *worker = arg;
  drain_close(&worker->drain);
  listen_stop(&worker->listener);
  close_parts(worker);
}

static void on_drained(void *arg) {
  struct worker *worker = arg;
  swap_end(&worker->swap, on_swap_ended);
}

static void stop_worker(struct worker *worker) {
  if (worker->stopping)
    return;
  worker->stopping = true;
  edge_drain(&worker->edge); /* new clients are told so, until the end */
  const struct config *config = worker->protocol.config;
  drain_start(&worker->drain, &worker->protocol,
              (uint64_t)(config->shutdown_notice_s * 1000.0),
              (uint64_t)(config->shutdown_drain_s * 1000.0), on_drained,
              worker);
}

/* --- letters from home -------------------------------------------------- */

static bool post_take(struct worker *worker, struct letter *letter) {
  bool posted = mailbox_post_take(&worker->mailbox, &letter->node);
  if (!posted)
    letter_free(letter);
  return posted;
}

bool worker_post(struct worker *worker, enum letter_kind kind) {
  return post_take(worker, new_letter(kind, NULL));
}

/* Returns what was offered before. */
static struct generation *set_offer(struct worker *worker,
                                    struct generation *generation) {
  uv_mutex_lock(&worker->offer_lock);
  struct generation *before = worker->offered;
  worker->offered = generation;
  uv_mutex_unlock(&worker->offer_lock);
  return before;
}

void worker_offer_take(struct worker *worker, struct generation *generation) {
  struct letter *letter = new_letter(LETTER_SWAP, NULL);
  letter->number = generation->number;
  set_offer(worker, generation);
  if (!post_take(worker, letter))
    generation_free(set_offer(worker, NULL)); /* it has ended */
}

void worker_withdraw(struct worker *worker) {
  struct generation *generation = set_offer(worker, NULL);
  if (!generation && !worker_post(worker, LETTER_CANCEL))
    log_debug("worker=%d has ended, and with it what it was to give back",
              worker->protocol.host.worker);
  generation_free(generation);
}

static void receive_at_worker(struct worker *worker,
                              const struct letter *letter) {
  switch (letter->kind) {
  case LETTER_SWAP:
    prepare_offer(worker, letter->number);
    break;
  case LETTER_GO:
    swap_go(&worker->swap);
    break;
  case LETTER_CANCEL:
    swap_cancel(&worker->swap);
    break;
  case LETTER_STOP:
    stop_worker(worker);
    break;
  case LETTER_STATS:
    tell_stats(worker);
    break;
  case LETTER_COLLECT:
    generation_collect(worker->protocol.host.live);
    break;
  case LETTER_TLS:
    edge_renew_certificate(&worker->edge);
    break;
  case LETTER_READY:
  case LETTER_SWAPPED:
  case LETTER_REFUSED:
  case LETTER_FREE:
  case LETTER_FULL:
  case LETTER_ENDED:
    break; /* for the main thread */
  }
}

static void on_worker_letter(struct mailbox *mailbox, struct list *node) {
  struct worker *worker = container_of(mailbox, struct worker, mailbox);
  struct letter *letter = container_of(node, struct letter, node);
  receive_at_worker(worker, letter);
  letter_free(letter);
}

/* --- life --------------------------------------------------------------- */

void worker_init(struct worker *worker, int index, const struct config *config,
                 const struct jwt_key *key, struct mailbox *home) {
  *worker = (struct worker){.home = home};
  protocol_init(&worker->protocol, &worker->loop, config, key);
  worker->protocol.host.generation_full = on_full;
  worker->protocol.host.worker = index + 1;
  uv_mutex_init(&worker->offer_lock);
}

static int open_fetcher(struct worker *worker, struct buf *error) {
  const struct config *config = worker->protocol.config;
  struct fetch_limits limits = {.at_once = (uint32_t)config->fetch_at_once,
                                .per_host = (uint32_t)config->fetch_per_host,
                                .ca_file = config->fetch_ca_file};
  struct fetcher *fetcher = fetcher_new(&worker->loop, &limits);
  worker->protocol.host.fetcher = fetcher;
  if (fetcher)
    return 0;
  buf_puts(error, "libcurl does not start");
  return ERR_SYSTEM;
}

int worker_open(struct worker *worker, bool development, struct buf *error) {
  uv_loop_init(&worker->loop);
  (void)uv_loop_configure(&worker->loop, UV_METRICS_IDLE_TIME); /* or all of
      it counts */
  turn_init(&worker->protocol.host.turn, &worker->loop);
  wheel_init(&worker->protocol.wheel, &worker->loop, heartbeat_due);
  mailbox_init(&worker->mailbox, &worker->loop, on_worker_letter);
  swap_init(&worker->swap, &worker->protocol, on_released, on_swapped, worker);
  open_bus(worker);
  if (*worker->protocol.config->api_keys)
    desk_open(&worker->desk, &worker->protocol, &worker->loop);
  open_after(worker);
  keywait_open(&worker->protocol);
  roster_open(&worker->protocol.roster, &worker->protocol.manager,
              worker->protocol.presence);
  worker->open = true;
  worker->edge.pages.development = development;
  worker->protocol.host.development = development;
  int err = edge_open(&worker->edge, &worker->protocol, &worker->loop, error);
  return err ? err : open_fetcher(worker, error);
}

static void adopt_socket(void *arg, int fd) {
  struct worker *worker = arg;
  edge_adopt_take(&worker->edge, fd);
}

static void run_worker(void *arg) {
  struct worker *worker = arg;
  if (worker->board)
    tracer_join(worker->board, worker->protocol.host.worker);
  swap_start(&worker->swap, worker->protocol.host.live);
  uv_run(&worker->loop, UV_RUN_DEFAULT);
  tracer_leave();
  write_home(worker, LETTER_ENDED, NULL);
}

void worker_start_take(struct worker *worker, int listen_fd,
                       struct generation *generation) {
  worker->protocol.host.live = generation;
  tcp_bound_unsent(listen_fd, worker->protocol.config->limits_socket_bytes);
  listen_start(&worker->listener, &worker->loop, listen_fd,
               &worker->protocol.stats, adopt_socket, worker);
  uv_thread_create(&worker->thread, run_worker, worker);
}

void worker_join(struct worker *worker) {
  uv_thread_join(&worker->thread);
}

/* The loop of a worker that never ran still has handles to close. */
static void close_never_run(struct worker *worker) {
  close_parts(worker);
  uv_run(&worker->loop, UV_RUN_DEFAULT);
}

void worker_free(struct worker *worker) {
  struct list *node;
  if (worker->open && !worker->stopping)
    close_never_run(worker);
  generation_free(set_offer(worker, NULL));
  uv_mutex_destroy(&worker->offer_lock);
  generation_free(worker->protocol.host.live);
  worker->protocol.host.live = NULL;
  fetcher_free(worker->protocol.host.fetcher);
  edge_free(&worker->edge);
  protocol_free(&worker->protocol);
  if (!worker->open)
    return;
  while ((node = list_shift(&worker->mailbox.letters)))
    letter_free(container_of(node, struct letter, node));
  mailbox_free(&worker->mailbox);
  desk_free(&worker->desk);
  if (uv_loop_close(&worker->loop))
    log_debug("a handle of the worker's loop was left open");
}
