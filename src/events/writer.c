/* SPDX-License-Identifier: MIT
 * Writing to the outbox. */
#include "events/writer.h"

#include "base/log.h"
#include "base/mem.h"

enum {
  AGAIN_MS = 1000, /* after a failure */
  TOLD_MS = 10000,
  LAST_TRIES = 2, /* at the end */
};

void writer_init(struct writer *writer, struct outbox *outbox,
                 struct tickets *tickets, void (*written)(void *arg),
                 void *arg) {
  writer->outbox = outbox;
  writer->tickets = tickets;
  writer->written = written;
  writer->arg = arg;
  uv_mutex_init(&writer->lock);
  uv_cond_init(&writer->more);
  list_init(&writer->works);
}

/* --- posting ------------------------------------------------------------ */

void writer_post_take(struct writer *writer, struct outbox_work *work) {
  atomic_fetch_add(&writer->figures.queued, work->bytes);
  uv_mutex_lock(&writer->lock);
  list_push(&writer->works, &work->node);
  if (work->what == OUTBOX_PUT) {
    /* Under the lock: the tickets are in the order of the list. */
    writer->last++;
    atomic_store(&writer->tickets->given, writer->last);
  }
  bool sleeps = writer->sleeps;
  writer->sleeps = false;
  uv_mutex_unlock(&writer->lock);
  if (sleeps)
    uv_cond_signal(&writer->more);
}

void writer_recount(struct writer *writer) {
  uv_mutex_lock(&writer->lock);
  writer->recounts = true;
  writer->sleeps = false;
  uv_mutex_unlock(&writer->lock);
  uv_cond_signal(&writer->more);
}

/* --- writing ------------------------------------------------------------ */

static void show_state(struct writer *writer, const struct outbox_state *state,
                       bool counted) {
  struct writer_figures *figures = &writer->figures;
  atomic_store(&figures->bytes, state->bytes);
  atomic_store(&figures->oldest_ms, state->oldest_ms);
  atomic_store(&figures->dead, state->dead);
  if (counted)
    atomic_store(&figures->waiting, state->waiting);
}

int writer_count(struct writer *writer, struct buf *error) {
  struct outbox_state state = {0};
  int err = writer->outbox->calls->state(writer->outbox, true, &state, error);
  if (!err)
    show_state(writer, &state, true);
  return err;
}

static void look_at_state(struct writer *writer, bool recount) {
  struct outbox_state state = {0};
  struct buf error = {0};
  if (!writer->outbox->calls->state(writer->outbox, recount, &state, &error))
    show_state(writer, &state, recount);
  buf_free(&error);
}

static void tell_fault(struct writer *writer, const struct buf *error) {
  uint64_t now = uv_hrtime() / 1000000;
  atomic_fetch_add(&writer->figures.faults, 1);
  if (writer->told_ms && now - writer->told_ms < TOLD_MS)
    return;
  writer->told_ms = now;
  log_error("events: the outbox cannot be written: %.*s; what would follow "
            "from events waits, and it is tried again each second",
            (int)error->len, error->data);
}

/* Counts and frees what was written. Returns whether there was an event. */
static bool drop_written(struct writer *writer, struct list *works) {
  struct writer_figures *figures = &writer->figures;
  struct list *node;
  uint64_t bytes = 0, put = 0, gone = 0, buried = 0;
  while ((node = list_shift(works))) {
    struct outbox_work *work = container_of(node, struct outbox_work, node);
    bytes += work->bytes;
    put += work->what == OUTBOX_PUT && !work->silent;
    gone += work->what != OUTBOX_PUT;
    buried += work->what == OUTBOX_BURY;
    mem_free(work);
  }
  atomic_fetch_sub(&figures->queued, bytes);
  atomic_fetch_add(&figures->put, put);
  atomic_fetch_add(&figures->buried, buried);
  atomic_fetch_add(&figures->commits, 1);
  atomic_fetch_add(&figures->waiting, put - gone);
  return put > 0;
}

/* False: not now. */
static bool write_works(struct writer *writer, struct list *works,
                        uint64_t last) {
  struct buf error = {0};
  int err = writer->outbox->calls->write(writer->outbox, works, &error);
  if (err) {
    tell_fault(writer, &error);
  } else {
    bool put = drop_written(writer, works);
    look_at_state(writer, false);
    if (writer->told_ms)
      log_info("events: the outbox can be written again");
    writer->told_ms = 0;
    if (put) /* before anybody can know it, and end what is called here */
      writer->written(writer->arg);
    tickets_settle(writer->tickets, last);
  }
  buf_free(&error);
  return !err;
}

/* Takes what there is; waits for it. False: it is the end. */
static bool take_works(struct writer *writer, struct list *works,
                       uint64_t *last, bool *recount) {
  uv_mutex_lock(&writer->lock);
  while (list_empty(&writer->works) && !writer->stops && !writer->recounts) {
    writer->sleeps = true;
    uv_cond_wait(&writer->more, &writer->lock);
  }
  writer->sleeps = false;
  list_move(&writer->works, works);
  *last = writer->last;
  *recount = writer->recounts;
  writer->recounts = false;
  bool stops = writer->stops;
  uv_mutex_unlock(&writer->lock);
  return !stops || !list_empty(works) || *recount;
}

static bool is_stopped(struct writer *writer) {
  uv_mutex_lock(&writer->lock);
  bool stops = writer->stops;
  uv_mutex_unlock(&writer->lock);
  return stops;
}

static void run_outbox_writer(void *arg) {
  struct writer *writer = arg;
  struct list works;
  uint64_t last;
  bool recount;
  list_init(&works);
  while (take_works(writer, &works, &last, &recount)) {
    int tries = 0;
    while (!list_empty(&works) && !write_works(writer, &works, last)) {
      if (is_stopped(writer) && ++tries == LAST_TRIES) {
        log_error("events: what was not written is lost");
        drop_written(writer, &works);
      }
      uv_sleep(AGAIN_MS);
    }
    if (recount)
      look_at_state(writer, true);
  }
}

/* --- life --------------------------------------------------------------- */

void writer_start(struct writer *writer) {
  uv_thread_create(&writer->thread, run_outbox_writer, writer);
}

void writer_stop(struct writer *writer) {
  uv_mutex_lock(&writer->lock);
  writer->stops = true;
  uv_mutex_unlock(&writer->lock);
  uv_cond_signal(&writer->more);
  uv_thread_join(&writer->thread);
}

void writer_free(struct writer *writer) {
  struct list *node;
  while ((node = list_shift(&writer->works)))
    mem_free(container_of(node, struct outbox_work, node));
  uv_cond_destroy(&writer->more);
  uv_mutex_destroy(&writer->lock);
}
