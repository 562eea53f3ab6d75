/* SPDX-License-Identifier: MIT
 * What the backend hears.
 *
 * The bound. Scripts are told when the outbox is full, a little before the end,
 * so that comings and goings have some room left. When that is used up, too, a
 * coming is left out, and the going that belongs to it as well: the backend
 * hears of both or of none. What began is always told to have ended: there are
 * never more of these than there are clients. */
#include "events/events.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "events/outbox_file.h"
#include "events/sender.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
  EPOCH_BYTES = 6,
  TOLD_MS = 10000,
  SETTLE_MS = 3000, /* at the end */
  RESERVE = 10,     /* one part of so many is for comings and goings */
  DEAD_PART = 4     /* and one part of so many is for dead letters */
};

/* A coming that was left out. */
struct left_out {
  UT_hash_handle hh;
  char name[]; /* stand and key */
};

struct events {
  struct tickets tickets;
  struct writer writer;
  struct sender sender;
  struct outbox *outbox;
  const struct config *config; /* a reference */
  bool sends, started;
  uint64_t max_bytes;
  char epoch[2 * EPOCH_BYTES + 1];
  _Atomic uint64_t number; /* of the last id */
  uv_mutex_t lock;         /* of: */
  struct left_out *table;  /* */
  _Atomic uint64_t left_out_now;
  _Atomic uint64_t refused, left_out;
  _Atomic uint64_t told_ms; /* when the log last heard that it is full */
};

static int64_t clock_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- the bound ---------------------------------------------------------- */

static bool is_past_bound(struct events *events, uint64_t bound) {
  return atomic_load(&events->writer.figures.bytes) +
             atomic_load(&events->writer.figures.queued) >
         bound;
}

static void tell_full(struct events *events, const char *what) {
  uint64_t now = uv_hrtime() / 1000000;
  uint64_t told = atomic_load(&events->told_ms);
  if ((told && now - told < TOLD_MS) ||
      !atomic_compare_exchange_strong(&events->told_ms, &told, now))
    return;
  log_error("events: the outbox is full (events.max_mb=%d): %s; does "
            "events.url answer?",
            events->config->events_max_mb, what);
}

static void name_stand(const struct event *event, char *name, size_t size) {
  snprintf(name, size, "%d%s", (int)event->stand, event->key);
}

static void leave_out(struct events *events, const struct event *event) {
  size_t size = strlen(event->key) + 16;
  struct left_out *left = mem_alloc(sizeof *left + size);
  name_stand(event, left->name, size);
  uv_mutex_lock(&events->lock);
  HASH_ADD_KEYPTR(hh, events->table, left->name, strlen(left->name), left);
  uv_mutex_unlock(&events->lock);
  atomic_fetch_add(&events->left_out_now, 1);
  atomic_fetch_add(&events->left_out, 1);
  tell_full(events, "comings and goings are left out");
}

/* Whether its beginning was left out: then its end is, too. */
static bool was_left_out(struct events *events, const struct event *event) {
  char name[EVENT_TYPE_BYTES * 2];
  struct left_out *left;
  if (atomic_load(&events->left_out_now) == 0)
    return false;
  name_stand(event, name, sizeof name);
  uv_mutex_lock(&events->lock);
  HASH_FIND(hh, events->table, name, strlen(name), left);
  if (left)
    HASH_DEL(events->table, left);
  uv_mutex_unlock(&events->lock);
  mem_free(left);
  if (left)
    atomic_fetch_sub(&events->left_out_now, 1);
  return left != NULL;
}

/* Whether there is room for it. */
static bool outbox_has_room(struct events *events, const struct event *event) {
  uint64_t most = events->max_bytes;
  if (!event->stand) {
    if (!is_past_bound(events, most - most / RESERVE))
      return true;
    atomic_fetch_add(&events->refused, 1);
    tell_full(events, "perigee.emit answers OVERLOADED");
    return false;
  }
  if (!event->begins)
    return !was_left_out(events, event);
  if (!is_past_bound(events, most))
    return true;
  leave_out(events, event);
  return false;
}

/* --- putting ------------------------------------------------------------ */

static bool is_chosen_type(const struct events *events, const char *type) {
  return event_is_chosen(events->config->events_types, type);
}

/* Rooms have names, and so have users: one must not be in the lane of the
 * other. */
static void write_lane(const struct event *event, struct buf *out) {
  if (event->stand == EVENT_ROOM)
    buf_printf(out, "room %s", event->key);
  else if (event->user)
    buf_puts(out, event->user);
  buf_putc(out, 0);
}

static void post_event(struct events *events, const struct event *event,
                       bool silent, bool stands, const char *id) {
  struct buf body = {0}, lane = {0}, data = {0};
  struct outbox_work work = {.what = OUTBOX_PUT,
                             .at_ms = clock_ms(),
                             .silent = silent,
                             .begins = event->begins};
  write_lane(event, &lane);
  if (!silent)
    event_write(event, id, work.at_ms, &body);
  buf_putc(&body, 0);
  work.lane = lane.data;
  work.body = body.data;
  if (stands) {
    work.stand = event->stand;
    work.key = event->key;
    buf_put(&data, event->data, event->data_len);
    buf_putc(&data, 0);
    work.data = event->begins ? data.data : NULL;
  }
  writer_post_take(&events->writer, outbox_work_new(&work));
  buf_free(&body);
  buf_free(&lane);
  buf_free(&data);
}

/* A stand is written where its end is to be told. */
enum events_verdict events_put(struct events *events, const struct event *event,
                               char id[EVENT_ID_BYTES]) {
  bool told = is_chosen_type(events, event->type);
  bool stands = event->stand &&
                is_chosen_type(events, event_stand_type(event->stand, false));
  if (!told && !stands)
    return EVENTS_UNWANTED;
  if (!outbox_has_room(events, event))
    return EVENTS_FULL;
  snprintf(id, EVENT_ID_BYTES, "%s-%llu", events->epoch,
           (unsigned long long)atomic_fetch_add(&events->number, 1) + 1);
  post_event(events, event, !told, stands, id);
  return told ? EVENTS_KEPT : EVENTS_UNWANTED;
}

struct tickets *events_tickets(struct events *events) {
  return &events->tickets;
}

/* --- life --------------------------------------------------------------- */

static void on_outbox_written(void *arg) {
  struct events *events = arg;
  if (events->sends)
    sender_wake(&events->sender);
}

static int make_epoch(struct events *events, struct buf *error) {
  unsigned char bytes[EPOCH_BYTES];
  if (RAND_bytes(bytes, sizeof bytes) != 1) {
    buf_puts(error, "OpenSSL has no random bytes");
    return ERR_SYSTEM;
  }
  for (int i = 0; i < EPOCH_BYTES; i++)
    snprintf(events->epoch + 2 * i, 3, "%02x", bytes[i]);
  return 0;
}

/* Those who were there when the process before died are gone. */
static int recover_events(struct events *events, struct buf *error) {
  unsigned count = 0;
  struct outbox *outbox = events->outbox;
  int err = outbox->calls->recover(outbox, events->config->events_types,
                                   events->epoch, clock_ms(), &count, error);
  atomic_store(&events->number, count);
  if (!err && count > 0)
    log_info("events: the process before did not end in order: ends=%u are "
             "told now",
             count);
  return err ? err : writer_count(&events->writer, error);
}

static int open_events(struct events *events, struct buf *error) {
  const struct config *config = events->config;
  struct outbox_file_options file = {.path = config->events_file,
                                     .dead_bytes =
                                         events->max_bytes / DEAD_PART,
                                     .sync = config->events_sync};
  struct sender_options options = {.url = config->events_url,
                                   .secret = config->events_secret,
                                   .ca_file = config->fetch_ca_file,
                                   .batch = (unsigned)config->events_batch};
  events->outbox = outbox_file_open(&file, error);
  if (!events->outbox)
    return ERR_SYSTEM;
  writer_init(&events->writer, events->outbox, &events->tickets,
              on_outbox_written, events);
  int err = make_epoch(events, error);
  if (!err)
    err = recover_events(events, error);
  events->sends = events_are_sent(config);
  if (err || !events->sends)
    return err;
  return sender_open(&events->sender, &options, &events->writer, error);
}

struct events *events_new(const struct config *config, struct buf *error) {
  struct events *events = mem_alloc(sizeof *events);
  struct buf why = {0};
  events->config = config_ref(config);
  events->max_bytes = (uint64_t)config->events_max_mb << 20;
  tickets_init(&events->tickets);
  uv_mutex_init(&events->lock);
  if (!open_events(events, &why)) {
    buf_free(&why);
    return events;
  }
  buf_printf(error, "events.file: %s: %.*s", config->events_file, (int)why.len,
             why.data);
  buf_free(&why);
  events->sends = false;
  events_free(events);
  return NULL;
}

void events_start(struct events *events) {
  events->started = true;
  writer_start(&events->writer);
  if (events->sends)
    sender_start(&events->sender);
}

/* The sender must find what happened last. */
static void await_settled(struct events *events) {
  for (int ms = 0; ms < SETTLE_MS && tickets_pending(&events->tickets); ms++)
    uv_sleep(1);
}

void events_stop(struct events *events) {
  if (!events->started)
    return;
  await_settled(events);
  if (events->sends)
    sender_stop(&events->sender);
  writer_stop(&events->writer);
  uint64_t waiting = atomic_load(&events->writer.figures.waiting);
  if (waiting > 0 && events->sends)
    log_info("events: waiting=%llu stay in %s for the next start",
             (unsigned long long)waiting, events->config->events_file);
}

static void free_left_out(struct events *events) {
  struct left_out *left = NULL, *next = NULL;
  HASH_ITER (hh, events->table, left, next) {
    HASH_DEL(events->table, left);
    mem_free(left);
  }
}

void events_free(struct events *events) {
  if (!events)
    return;
  if (events->sends)
    sender_free(&events->sender);
  if (events->outbox) {
    writer_free(&events->writer);
    events->outbox->calls->free(events->outbox);
  }
  free_left_out(events);
  tickets_free(&events->tickets);
  uv_mutex_destroy(&events->lock);
  config_free(events->config);
  mem_free(events);
}

/* --- figures ------------------------------------------------------------ */

static void print_event_figure(struct buf *out, const char *name,
                               const char *type, const char *help,
                               double value) {
  buf_printf(out,
             "# HELP perigee_events_%s %s\n# TYPE perigee_events_%s %s\n"
             "perigee_events_%s %.3f\n",
             name, help, name, type, name, value);
}

static double oldest_s(struct events *events) {
  int64_t at = atomic_load(&events->writer.figures.oldest_ms);
  int64_t age = clock_ms() - at;
  return at && age > 0 ? (double)age / 1000.0 : 0;
}

void events_print(struct events *events, struct buf *out) {
  struct writer_figures *w = &events->writer.figures;
  struct sender_figures *s = &events->sender.figures;
#define PRINT(name, type, help, value)                                         \
  print_event_figure(out, name, type, help, (double)(value))
  PRINT("waiting", "gauge", "events in the outbox", atomic_load(&w->waiting));
  PRINT("oldest_seconds", "gauge", "age of the oldest of these",
        oldest_s(events));
  PRINT("bytes", "gauge", "of the outbox, dead letters included",
        atomic_load(&w->bytes));
  PRINT("dead", "gauge", "dead letters", atomic_load(&w->dead));
  PRINT("put_total", "counter", "events written", atomic_load(&w->put));
  PRINT("commits_total", "counter", "writes of the outbox",
        atomic_load(&w->commits));
  PRINT("write_failures_total", "counter", "writes that did not work",
        atomic_load(&w->faults));
  PRINT("sent_total", "counter", "events that the backend has taken",
        atomic_load(&s->sent));
  PRINT("requests_total", "counter", "requests to the backend",
        atomic_load(&s->requests));
  PRINT("failed_total", "counter", "of these: tried again",
        atomic_load(&s->failures));
  PRINT("buried_total", "counter", "events that became dead letters",
        atomic_load(&w->buried));
  PRINT("refused_total", "counter",
        "perigee.emit answered OVERLOADED: the outbox was full",
        atomic_load(&events->refused));
  PRINT("left_out_total", "counter",
        "comings left out, with their goings: the outbox was full",
        atomic_load(&events->left_out));
#undef PRINT
}
