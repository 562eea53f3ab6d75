/* SPDX-License-Identifier: MIT
 * Letters for those who are on other machines.
 *
 * The thread that has something to send writes it as bytes, and posts an order;
 * the cluster's thread gives it to the link. So what one worker sends keeps its
 * order, and nobody waits for Redis: commands are pipelined. */
#include "base/err.h"
#include "base/mem.h"
#include "cluster/parcel.h"
#include "cluster/state.h"
#include "trace/far.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- to those who are here ----------------------------------------------- */

static uint32_t find_receivers(const struct cluster *cluster,
                               const struct bus_letter *letter,
                               uint32_t *counts) {
  struct whereabouts *whereabouts = cluster->bus->whereabouts;
  if (letter->to == BUS_USER)
    return whereabouts_of_user(whereabouts, letter->target, letter->target_len,
                               counts);
  if (letter->to == BUS_ROOM)
    return whereabouts_of_room(whereabouts, letter->target, letter->target_len,
                               counts);
  return whereabouts_of_all(whereabouts, counts);
}

void deliver_letter(struct cluster *cluster, const struct bus_letter *letter) {
  uint32_t counts[BUS_WORKERS_MAX];
  if (letter->to == BUS_CONN) {
    int worker = (int)((letter->conn - 1) % (uint64_t)cluster->workers);
    (void)bus_post(cluster->bus, worker, letter); /* or it is left out */
    return;
  }
  if (find_receivers(cluster, letter, counts) == 0)
    return;
  for (int i = 0; i < cluster->workers; i++)
    if (counts[i] > 0 && !bus_post(cluster->bus, i, letter) && letter->frame)
      cluster->counters.left_out++;
}

/* --- parcels ------------------------------------------------------------- */

struct parcel_order {
  struct order order;
  struct cluster *cluster;
  enum name_kind kind;
  size_t target_len;
  bool has_id;
  uint64_t login; /* a connection that takes the place of others; or 0 */
  struct buf id;  /* the key of the id */
  struct buf bytes;
  char target[];
};

static void free_parcel_order(struct order *order) {
  struct parcel_order *parcel = container_of(order, struct parcel_order, order);
  buf_free(&parcel->id);
  buf_free(&parcel->bytes);
  mem_free(parcel);
}

static void on_sent_once(void *arg, enum link_fate fate,
                         const struct reply *reply) {
  struct cluster *cluster = arg;
  if (fate != LINK_ANSWERED || reply_error(reply) != REPLY_NO_ERROR)
    cluster->counters.failed++;
}

static int give_parcel(struct cluster *cluster,
                       const struct parcel_order *parcel,
                       struct slice channel) {
  size_t place =
      name_place(cluster, parcel->kind, parcel->target, parcel->target_len);
  struct slice bytes = {parcel->bytes.data, parcel->bytes.len};
  if (!parcel->has_id) {
    const struct slice words[] = {publish_word(cluster), channel, bytes};
    return shards_command(cluster->shards, place, words, 3, NULL, NULL);
  }
  char window[16];
  snprintf(window, sizeof window, "%d", ENGINE_ONCE_MS / 1000);
  const struct slice words[] = {
      word("EVALSHA"), word(cluster->shas[SCRIPT_ONCE]),
      word("1"),       {parcel->id.data, parcel->id.len},
      channel,         bytes,
      word(window)};
  return shards_command(cluster->shards, place, words, 7, on_sent_once,
                        cluster);
}

/* It will be heard here as well; see login_that_stays. */
static void note_login(struct cluster *cluster,
                       const struct parcel_order *parcel) {
  struct name *name =
      name_find(cluster, NAME_USER, parcel->target, parcel->target_len);
  if (!name || !parcel->login)
    return;
  if (name->logins[0] && name->logins[1])
    name->logins[0] = name->logins[1];
  name->logins[name->logins[0] ? 1 : 0] = parcel->login;
}

static void run_parcel(struct cluster *cluster, struct order *order) {
  struct parcel_order *parcel = container_of(order, struct parcel_order, order);
  struct buf channel = {0};
  channel_put(&channel, cluster, parcel->kind, parcel->target,
              parcel->target_len);
  if (give_parcel(cluster, parcel, (struct slice){channel.data, channel.len})) {
    cluster->counters.unsent++;
  } else {
    cluster->counters.sent++;
    note_login(cluster, parcel);
  }
  buf_free(&channel);
  free_parcel_order(order);
}

static enum name_kind kind_of(enum bus_to to) {
  switch (to) {
  case BUS_USER:
    return NAME_USER;
  case BUS_ROOM:
    return NAME_ROOM;
  case BUS_CONN:
    return NAME_NODE;
  case BUS_ALL:
    break;
  }
  return NAME_ALL;
}

static void pack_letter(struct buf *out, const struct cluster *cluster,
                        const struct engine_parcel *wanted) {
  const struct bus_letter *letter = wanted->letter;
  struct buf cause = {0};
  struct parcel parcel = {.origin = cluster->self,
                          .echo = wanted->echo,
                          .what = letter->what,
                          .drop = letter->drop,
                          .own = letter->own,
                          .code = letter->code,
                          .conn = letter->to == BUS_CONN ? letter->conn
                                                         : letter->except,
                          .text = word(letter->text ? letter->text : "")};
  if (letter->frame) {
    size_t len;
    parcel.payload.at = (const char *)frame_payload(letter->frame, &len);
    parcel.payload.len = len;
    parcel.is_binary = frame_opcode(letter->frame) == FRAME_BINARY;
    far_put(&cause, letter->frame->cause);
    parcel.text = (struct slice){cause.len ? cause.data : "", cause.len};
  }
  parcel_put(out, &parcel);
  buf_free(&cause);
}

int send_parcel(struct engine *engine, const struct engine_parcel *wanted) {
  struct cluster *cluster = cluster_of(engine);
  const struct bus_letter *letter = wanted->letter;
  bool to_all = letter->to == BUS_ALL;
  const char *target = to_all ? "" : letter->target;
  size_t len = to_all ? 0 : letter->target_len;
  char machine[SELF_BYTES];
  if (alone_omits(cluster, wanted))
    return 0;
  if (letter->to == BUS_CONN) {
    snprintf(machine, sizeof machine, "%016" PRIx64, wanted->machine);
    target = machine;
    len = SELF_BYTES - 1;
  }
  enum name_kind kind = kind_of(letter->to);
  if (!shards_is_there(cluster->shards,
                       name_place(cluster, kind, target, len))) {
    if (wanted->echo && !wanted->id)
      deliver_letter(cluster, letter);
    return ERR_UNAVAILABLE;
  }
  struct parcel_order *parcel = mem_alloc(sizeof *parcel + len + 1);
  parcel->order.run = run_parcel;
  parcel->order.drop = free_parcel_order;
  parcel->cluster = cluster;
  parcel->kind = kind;
  parcel->target_len = len;
  memcpy(parcel->target, target, len);
  if (letter->what == BUS_CLOSE && letter->to == BUS_USER)
    parcel->login = letter->except;
  if (wanted->id) {
    parcel->has_id = true;
    id_key_put(&parcel->id, cluster, kind, (struct slice){target, len},
               (struct slice){wanted->id, wanted->id_len});
  }
  pack_letter(&parcel->bytes, cluster, wanted);
  order_post_take(cluster, &parcel->order);
  return 0;
}
