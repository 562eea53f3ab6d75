/* SPDX-License-Identifier: MIT
 * From the outbox to the backend.
 *
 * How it goes on after a failure. The batch gets a time for its next attempt
 * (events/post), and its lanes wait with it. New batches of others may go: it
 * may be one of the events that the backend fails with, and then the batch is
 * halved with each attempt, until that event is alone. But when nothing at all
 * was taken for a while, the backend is down: then new batches wait, too, and
 * what comes meanwhile gathers to larger ones. What a Retry-After says holds
 * for everything. */
#include "events/sender.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "events/post.h"
#include "net/retry.h"

#include <time.h>

enum {
  GATHER_MS = 50,
  LOOK_MS = 1000, /* whether somebody else has changed the outbox */
  TOLD_MS = 10000,
  BURIED_MS = 1000,
  LAST_MS = 5000, /* at the end of the process */
  AT_ONCE = 4,    /* requests */
  DOWN = 3,       /* failures in a row */
  WINDOW_EVENTS = 10000,
  WINDOW_BYTES = 16 << 20,
  BATCH_BYTES = 1 << 20,
  ANSWER_KEPT = 1024, /* bytes of it in a dead letter */
};

/* A batch on its way. */
struct batch_flight {
  struct list node;
  struct sender *sender;
  struct batch *batch;
  struct fetch *fetch;
};

static void send_ready(struct sender *sender);
static void close_sender(uv_timer_t *timer);

/* Not in the middle of what is going on. */
static void close_soon(struct sender *sender) {
  if (!sender->closed)
    uv_timer_start(&sender->last, close_sender, 0, 0);
}

/* --- what becomes of events --------------------------------------------- */

static void post_work(struct sender *sender, enum outbox_what what,
                      const struct lane_event *event,
                      const struct fetch_result *result) {
  char answer[ANSWER_KEPT + 1];
  struct outbox_work work = {.what = what, .pos = event->pos};
  if (what == OUTBOX_BURY) {
    post_answer_text(result, answer, sizeof answer);
    work.at_ms = (int64_t)time(NULL) * 1000;
    work.status = result->status;
    work.body = answer;
  }
  writer_post_take(sender->writer, outbox_work_new(&work));
}

static void end_batch(struct sender *sender, struct batch *batch,
                      enum outbox_what what,
                      const struct fetch_result *result) {
  for (unsigned i = 0; i < batch->count; i++)
    post_work(sender, what, batch->events[i], result);
  lanes_done(&sender->lanes, batch);
}

/* Where the backend refuses everything, one line a second says so. */
static void tell_burial(struct sender *sender, const struct batch *batch,
                        const struct fetch_result *result) {
  uint64_t now = uv_now(&sender->loop);
  if (sender->buried_ms && now - sender->buried_ms < BURIED_MS) {
    sender->unsaid++;
    return;
  }
  log_warn("events: %s answers %d: a dead letter, see `perigee events list "
           "--dead`: unsaid=%u %.200s",
           sender->options.url, result->status, sender->unsaid,
           batch->events[0]->body);
  sender->buried_ms = now;
  sender->unsaid = 0;
}

static void bury_batch(struct sender *sender, struct batch *batch,
                       const struct fetch_result *result) {
  tell_burial(sender, batch, result);
  end_batch(sender, batch, OUTBOX_BURY, result);
}

/* --- again -------------------------------------------------------------- */

static void tell_failure(struct sender *sender,
                         const struct fetch_result *result) {
  uint64_t now = uv_now(&sender->loop);
  atomic_fetch_add(&sender->figures.failures, 1);
  if (sender->told_ms && now - sender->told_ms < TOLD_MS)
    return;
  sender->told_ms = now;
  if (result->code == FETCH_OK)
    log_warn("events: %s answers %d, waiting=%llu: tried again",
             sender->options.url, result->status,
             (unsigned long long)atomic_load(&sender->writer->figures.waiting));
  else
    log_warn("events: %s: %s, waiting=%llu: tried again", sender->options.url,
             result->text,
             (unsigned long long)atomic_load(&sender->writer->figures.waiting));
}

static void on_again(uv_timer_t *timer) {
  send_ready(container_of(timer, struct sender, again));
}

/* Sets the timer for the next thing that is due. */
static void arm_again(struct sender *sender) {
  uint64_t now = uv_now(&sender->loop), due = UINT64_MAX;
  LIST_FOREACH (it, &sender->later) {
    const struct batch *batch = container_of(it, struct batch, node);
    if (batch->due_ms < due)
      due = batch->due_ms;
  }
  if (sender->new_ms > now && sender->new_ms < due)
    due = sender->new_ms;
  if (due < sender->all_ms)
    due = sender->all_ms;
  if (due < UINT64_MAX && !sender->closed)
    uv_timer_start(&sender->again, on_again, due > now ? due - now : 0, 0);
}

static void try_later(struct sender *sender, struct batch *batch,
                      const struct fetch_result *result, bool halve) {
  uint64_t now = uv_now(&sender->loop);
  uint64_t told = retry_after_ms(result, (int64_t)time(NULL));
  tell_failure(sender, result);
  if (halve && batch->count > 1 && batch->attempts > 0)
    lanes_halve(&sender->lanes, batch);
  batch->due_ms = now + retry_wait_ms(++batch->attempts);
  if (++sender->failures >= DOWN)
    sender->new_ms = now + retry_wait_ms(sender->failures - DOWN + 1);
  if (told)
    sender->all_ms = now + told;
  list_push(&sender->later, &batch->node);
  if (sender->ending)
    close_soon(sender); /* the next process goes on */
}

static void take_success(struct sender *sender, struct batch *batch) {
  atomic_fetch_add(&sender->figures.sent, batch->count);
  if (sender->told_ms)
    log_info("events: %s takes them again", sender->options.url);
  sender->told_ms = 0;
  sender->failures = 0;
  sender->new_ms = 0;
  end_batch(sender, batch, OUTBOX_TAKE, NULL);
}

/* One of several: which one, is found by halves. */
static void take_refusal(struct sender *sender, struct batch *batch,
                         const struct fetch_result *result) {
  if (batch->count == 1) {
    bury_batch(sender, batch, result);
    return;
  }
  lanes_halve(&sender->lanes, batch);
  batch->due_ms = 0;
  list_push(sender->later.next, &batch->node);
}

static void on_posted(struct fetch *fetch, void *arg) {
  struct batch_flight *flight = arg;
  struct sender *sender = flight->sender;
  struct batch *batch = flight->batch;
  const struct fetch_result *result = fetch_result(fetch);
  enum post_verdict verdict = post_verdict(result);
  sender->in_flight--;
  sender->gathered = true; /* what has come meanwhile goes on */
  if (verdict == POST_TAKEN)
    take_success(sender, batch);
  else if (verdict == POST_REFUSED)
    take_refusal(sender, batch, result);
  else
    try_later(sender, batch, result, verdict == POST_FAILED);
  list_remove(&flight->node);
  fetch_free(fetch);
  mem_free(flight);
  send_ready(sender);
}

/* --- sending ------------------------------------------------------------ */

static void write_batch(const struct batch *batch, struct buf *out) {
  buf_puts(out, "{\"events\":[");
  for (unsigned i = 0; i < batch->count; i++) {
    if (i > 0)
      buf_putc(out, ',');
    buf_put(out, batch->events[i]->body, batch->events[i]->len);
  }
  buf_puts(out, "]}");
}

static void send_batch(struct sender *sender, struct batch *batch) {
  struct batch_flight *flight = mem_alloc(sizeof *flight);
  struct buf body = {0};
  const char *why;
  *flight = (struct batch_flight){.sender = sender, .batch = batch};
  list_init(&flight->node);
  list_remove(&batch->node);
  write_batch(batch, &body);
  atomic_fetch_add(&sender->figures.requests, 1);
  enum fetch_code code =
      post_start(sender->fetcher, sender->options.url, sender->options.secret,
                 body.data, body.len, on_posted, flight, &flight->fetch, &why);
  buf_free(&body);
  if (code == FETCH_OK) {
    sender->in_flight++;
    list_push(&sender->flying, &flight->node);
    return;
  }
  struct fetch_result result = {.code = code, .text = why};
  mem_free(flight);
  try_later(sender, batch, &result, false);
}

/* Some time has gone: somebody may have dropped what it has. Returns whether
 * anything is left. */
static bool drop_missing(struct sender *sender, struct batch *batch) {
  struct outbox *outbox = sender->writer->outbox;
  for (unsigned i = batch->count; i > 0; i--)
    if (!outbox->calls->has(outbox, batch->events[i - 1]->pos))
      lanes_drop(&sender->lanes, batch, i - 1);
  if (batch->count > 0)
    return true;
  lanes_done(&sender->lanes, batch);
  return false;
}

static struct batch *due_batch(struct sender *sender) {
  uint64_t now = uv_now(&sender->loop);
  LIST_FOREACH (it, &sender->later) {
    struct batch *batch = container_of(it, struct batch, node);
    if (batch->due_ms <= now)
      return batch;
  }
  return NULL;
}

static void add_item(void *arg, const struct outbox_item *item) {
  struct sender *sender = arg;
  lanes_add(&sender->lanes, item);
  sender->pos = item->pos;
}

/* Reads on, as far as the window goes. */
static void load_events(struct sender *sender) {
  struct outbox *outbox = sender->writer->outbox;
  const struct lanes *lanes = &sender->lanes;
  struct buf error = {0};
  while (sender->more && lanes->loaded < WINDOW_EVENTS &&
         lanes->loaded_len < WINDOW_BYTES) {
    size_t before = lanes->loaded;
    int err = outbox->calls->read(outbox, sender->pos, sender->options.batch,
                                  add_item, sender, &error);
    if (err)
      log_error("events: the outbox cannot be read: %.*s", (int)error.len,
                error.data);
    sender->more = !err && lanes->loaded - before == sender->options.batch;
  }
  buf_free(&error);
}

static struct batch *next_batch(struct sender *sender) {
  struct batch *batch = due_batch(sender);
  const struct lanes *lanes = &sender->lanes;
  if (batch)
    return drop_missing(sender, batch) ? batch : next_batch(sender);
  if (uv_now(&sender->loop) < sender->new_ms)
    return NULL;
  load_events(sender);
  size_t ready = lanes->waiting - lanes->held;
  if (ready == 0 || (ready < sender->options.batch && !sender->gathered))
    return NULL;
  return lanes_take(&sender->lanes, sender->options.batch, BATCH_BYTES);
}

static void send_ready(struct sender *sender) {
  unsigned most = sender->failures > 0 ? 1 : AT_ONCE;
  struct batch *batch;
  uv_update_time(&sender->loop);
  while (!sender->closed && sender->in_flight < most &&
         uv_now(&sender->loop) >= sender->all_ms &&
         (batch = next_batch(sender)))
    send_batch(sender, batch);
  if (sender->lanes.waiting == sender->lanes.held && !sender->more)
    sender->gathered = sender->ending;
  arm_again(sender);
  if (sender->ending && sender->lanes.loaded == 0 && !sender->more)
    close_soon(sender);
}

/* --- the loop ----------------------------------------------------------- */

static void close_sender(uv_timer_t *timer) {
  struct sender *sender = container_of(timer, struct sender, last);
  if (sender->closed)
    return;
  sender->closed = true;
  fetcher_close(sender->fetcher);
  uv_close((uv_handle_t *)&sender->wake, NULL);
  uv_close((uv_handle_t *)&sender->gather, NULL);
  uv_close((uv_handle_t *)&sender->again, NULL);
  uv_close((uv_handle_t *)&sender->look, NULL);
  uv_close((uv_handle_t *)&sender->last, NULL);
}

static void on_gathered(uv_timer_t *timer) {
  struct sender *sender = container_of(timer, struct sender, gather);
  sender->gathered = true;
  send_ready(sender);
}

/* One more attempt for everything: with the first that fails it is over. */
static void begin_end(struct sender *sender) {
  if (sender->ending)
    return;
  LIST_FOREACH (it, &sender->later)
    container_of(it, struct batch, node)->due_ms = 0;
  sender->new_ms = sender->all_ms = 0;
  sender->ending = sender->gathered = sender->more = true;
  uv_timer_start(&sender->last, close_sender, LAST_MS, 0);
  send_ready(sender);
}

static void on_sender_wake(uv_async_t *wake) {
  struct sender *sender = container_of(wake, struct sender, wake);
  if (atomic_exchange(&sender->woken, false)) {
    sender->more = true;
    if (!uv_is_active((uv_handle_t *)&sender->gather))
      uv_timer_start(&sender->gather, on_gathered, GATHER_MS, 0);
    send_ready(sender);
  }
  if (atomic_load(&sender->stops))
    begin_end(sender);
}

static void on_outbox_look(uv_timer_t *timer) {
  struct sender *sender = container_of(timer, struct sender, look);
  struct outbox *outbox = sender->writer->outbox;
  if (!outbox->calls->changed(outbox))
    return;
  writer_recount(sender->writer);
  sender->more = sender->gathered = true;
  send_ready(sender);
}

static void run_sender(void *arg) {
  struct sender *sender = arg;
  uv_timer_start(&sender->look, on_outbox_look, LOOK_MS, LOOK_MS);
  sender->more = sender->gathered = true;
  send_ready(sender);
  uv_run(&sender->loop, UV_RUN_DEFAULT);
}

/* --- life --------------------------------------------------------------- */

int sender_open(struct sender *sender, const struct sender_options *options,
                struct writer *writer, struct buf *error) {
  struct fetch_limits limits = {.at_once = AT_ONCE,
                                .ca_file = options->ca_file};
  sender->options = *options;
  sender->writer = writer;
  lanes_init(&sender->lanes);
  list_init(&sender->later);
  list_init(&sender->flying);
  uv_loop_init(&sender->loop);
  uv_async_init(&sender->loop, &sender->wake, on_sender_wake);
  uv_timer_init(&sender->loop, &sender->gather);
  uv_timer_init(&sender->loop, &sender->again);
  uv_timer_init(&sender->loop, &sender->look);
  uv_timer_init(&sender->loop, &sender->last);
  sender->fetcher = fetcher_new(&sender->loop, &limits);
  if (sender->fetcher)
    return 0;
  buf_puts(error, "libcurl does not start");
  return ERR_SYSTEM;
}

void sender_start(struct sender *sender) {
  uv_thread_create(&sender->thread, run_sender, sender);
}

void sender_wake(struct sender *sender) {
  atomic_store(&sender->woken, true);
  uv_async_send(&sender->wake);
}

void sender_stop(struct sender *sender) {
  atomic_store(&sender->stops, true);
  uv_async_send(&sender->wake);
  uv_thread_join(&sender->thread);
}

static void free_batches(struct sender *sender) {
  struct list *node;
  while ((node = list_shift(&sender->flying))) {
    struct batch_flight *flight = container_of(node, struct batch_flight, node);
    fetch_free(flight->fetch);
    lanes_done(&sender->lanes, flight->batch);
    mem_free(flight);
  }
  while (!list_empty(&sender->later))
    lanes_done(&sender->lanes,
               container_of(sender->later.next, struct batch, node));
}

void sender_free(struct sender *sender) {
  if (!sender->closed) {
    close_sender(&sender->last);
    uv_run(&sender->loop, UV_RUN_DEFAULT);
  }
  free_batches(sender);
  lanes_free(&sender->lanes);
  fetcher_free(sender->fetcher);
  if (uv_loop_close(&sender->loop))
    log_debug("a handle of the sender's loop was left open");
}
