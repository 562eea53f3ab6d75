/* SPDX-License-Identifier: MIT
 * Reading what is kept of rooms.
 *
 * It is answered by the copy that this process has. So the room is followed
 * first; and if a client has heard more of it, by another machine, than has
 * come here, Redis is asked once. */
#include "base/mem.h"
#include "cluster/state.h"

#include <string.h>

/* The engine_read of this engine. */
struct cluster_read {
  struct cluster *cluster;
  struct engine_wait *wait;  /* the room is being settled; else NULL */
  struct engine_read *inner; /* the copy is being read; else NULL */
  int worker;
  struct engine_query query;
  struct rule rule;
  engine_read_fn *done;
  void *arg;
  char room[];
};

static void end_read(struct cluster_read *read,
                     const struct engine_answer *answer) {
  engine_read_fn *done = read->done;
  void *arg = read->arg;
  mem_free(read);
  done(arg, answer);
}

static void on_copy_read(void *arg, const struct engine_answer *answer) {
  end_read(arg, answer);
}

static void read_copy(struct cluster_read *read) {
  read->inner = engine_read(read->cluster->copy, read->worker, &read->query,
                            on_copy_read, read);
}

static void on_read_settled(void *arg, int err, uint32_t elsewhere) {
  (void)elsewhere;
  struct cluster_read *read = arg;
  read->wait = NULL;
  if (err)
    end_read(read, &(struct engine_answer){.err = err});
  else
    read_copy(read);
}

static void settle_first(struct cluster_read *read) {
  struct engine *engine = &read->cluster->engine;
  const struct engine_query *query = &read->query;
  struct engine_wait *wait =
      new_wait(engine, read->worker, NAME_ROOM, read->room, query->room_len);
  wait->done = on_read_settled;
  wait->arg = read;
  if (query->range == ENGINE_SINCE) {
    wait->after = query->after;
    memcpy(wait->epoch, query->epoch, sizeof wait->epoch);
  }
  read->wait = wait;
  order_post_take(read->cluster, &wait->order);
}

struct engine_read *begin_read(struct engine *engine, int worker,
                               const struct engine_query *query,
                               engine_read_fn *done, void *arg) {
  struct cluster_read *read = mem_alloc(sizeof *read + query->room_len + 1);
  read->cluster = cluster_of(engine);
  read->worker = worker;
  memcpy(read->room, query->room, query->room_len);
  read->query = *query;
  read->rule = *query->rule;
  read->query.room = read->room;
  read->query.rule = &read->rule;
  read->done = done;
  read->arg = arg;
  if (query->repairs) /* what a worker has missed is here */
    read_copy(read);
  else
    settle_first(read);
  return (struct engine_read *)read;
}

void cancel_read(struct engine_read *handle) {
  struct cluster_read *read = (struct cluster_read *)handle;
  if (read->wait)
    read->wait->given_up = true;
  if (read->inner)
    engine_cancel(read->cluster->copy, read->inner);
  mem_free(read);
}
