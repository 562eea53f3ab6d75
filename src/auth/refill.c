/* SPDX-License-Identifier: MIT
 * Between those who miss a key and the one who fetches. */
#include "auth/refill.h"

#include "base/mem.h"

struct refill {
  uv_mutex_t lock; /* of all below */
  struct list ears;
  uv_async_t *wanted; /* NULL: nobody fetches */
  bool asked;         /* and nobody has begun since */
  bool under_way;
  bool ok;            /* how the last one ended */
  uint64_t begun_ms;  /* of uv_hrtime; 0: never */
  refill_ticket done; /* fetches that have ended, and one */
};

static uint64_t monotonic_ms(void) {
  return uv_hrtime() / 1000000;
}

struct refill *refill_new(void) {
  struct refill *refill = mem_alloc(sizeof *refill);
  refill->done = 1;
  uv_mutex_init(&refill->lock);
  list_init(&refill->ears);
  return refill;
}

void refill_free(struct refill *refill) {
  if (!refill)
    return;
  uv_mutex_destroy(&refill->lock);
  mem_free(refill);
}

/* Under the lock. */
static enum refill_verdict judge(struct refill *refill, refill_ticket *ticket,
                                 uint64_t *later_ms) {
  uint64_t since = monotonic_ms() - refill->begun_ms;
  bool waited = *ticket > 0 && refill->done > *ticket;
  if (waited && refill->ok)
    return REFILL_FINAL;
  if (!waited && (refill->under_way || refill->asked)) {
    *ticket = refill->done;
    return REFILL_WAIT;
  }
  if (waited || (refill->begun_ms && since < REFILL_EVERY_MS)) {
    *later_ms = since < REFILL_EVERY_MS ? REFILL_EVERY_MS - since : 1000;
    return REFILL_LATER;
  }
  *ticket = refill->done;
  refill->asked = true;
  if (refill->wanted)
    uv_async_send(refill->wanted);
  return REFILL_WAIT;
}

enum refill_verdict refill_ask(struct refill *refill, refill_ticket *ticket,
                               uint64_t *later_ms) {
  uv_mutex_lock(&refill->lock);
  enum refill_verdict verdict = judge(refill, ticket, later_ms);
  uv_mutex_unlock(&refill->lock);
  return verdict;
}

void refill_listen(struct refill *refill, struct refill_ear *ear,
                   uv_loop_t *loop, uv_async_cb heard, void *arg) {
  uv_async_init(loop, &ear->wake, heard);
  ear->wake.data = arg;
  list_init(&ear->node);
  uv_mutex_lock(&refill->lock);
  list_push(&refill->ears, &ear->node);
  uv_mutex_unlock(&refill->lock);
}

void refill_stop(struct refill *refill, struct refill_ear *ear) {
  uv_mutex_lock(&refill->lock);
  list_remove(&ear->node);
  uv_mutex_unlock(&refill->lock);
  uv_close((uv_handle_t *)&ear->wake, NULL);
}

void refill_serve(struct refill *refill, uv_async_t *wanted) {
  uv_mutex_lock(&refill->lock);
  refill->wanted = wanted;
  uv_mutex_unlock(&refill->lock);
}

bool refill_begin(struct refill *refill) {
  uv_mutex_lock(&refill->lock);
  bool begins = !refill->under_way;
  refill->under_way = true;
  refill->asked = false;
  if (begins)
    refill->begun_ms = monotonic_ms();
  uv_mutex_unlock(&refill->lock);
  return begins;
}

void refill_end(struct refill *refill, bool ok) {
  uv_mutex_lock(&refill->lock);
  refill->under_way = false;
  refill->ok = ok;
  refill->done++;
  LIST_FOREACH (it, &refill->ears)
    uv_async_send(&container_of(it, struct refill_ear, node)->wake);
  uv_mutex_unlock(&refill->lock);
}
