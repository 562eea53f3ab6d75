/* SPDX-License-Identifier: MIT
 * What the files of a spread share: spread, spread_map, spread_orders,
 * spread_channels. */
#ifndef REDIS_SPREAD_STATE_H
#define REDIS_SPREAD_STATE_H

#include "base/list.h"
#include "config/redis_url.h"
#include "redis/atlas.h"
#include "redis/spread.h"

#include <openssl/types.h>
#include <stdatomic.h>

struct peers;

enum { SPREAD_WHY_BYTES = 400, SPREAD_SERVER_BYTES = 80, SPREAD_FORMERS = 8 };

/* A master that has slots, or has had some until now. */
struct spread_node {
  struct spread *spread;
  struct link *link; /* NULL: this place in the table is free */
  struct atlas_node is;
  size_t slots; /* that it has */
  bool asked;   /* what it sees: the answer is still to come */
};

/* A master whose last slots another one has taken. */
struct spread_former {
  char id[ATLAS_ID_BYTES], taker[ATLAS_ID_BYTES]; /* empty: there is none */
};

struct spread_slot {
  struct list orders;   /* spread_order->node: not answered, oldest first */
  struct list channels; /* spread_channel->node */
  struct list later;    /* in spread->later, to be tried again; or in none */
  uint32_t count;       /* of the orders */
  uint32_t sent;        /* of these, that are under way: */
  uint8_t sent_to;      /* on this node, */
  uint64_t kind;        /* and all of this kind */
};

struct spread {
  uv_loop_t *loop;
  struct redis_url url; /* of `link.url` */
  char *url_text;
  SSL_CTX *tls; /* for `seeds`; NULL: plain */
  struct link_options link;
  const struct shards_events *events;
  void *arg;

  struct peers *seeds; /* the nodes of the URL */
  uv_timer_t tick;     /* asks anew how the cluster is */
  uv_timer_t retry;    /* active while `later` has something */
  bool closed;
  bool looking;        /* `tick` is due soon */
  uint64_t looked_ms;  /* when all were asked last */
  struct atlas *atlas; /* what was read last */
  struct spread_node nodes[ATLAS_NODES];
  struct spread_slot slots[ATLAS_SLOTS];
  struct list later;
  struct spread_former formers[SPREAD_FORMERS]; /* the last ones */
  size_t next_former;
  size_t waiting, waiting_bytes; /* orders that are not under way */
  size_t free_slots;             /* that nobody has */
  /* Of the slots that nobody has, as in link_status: */
  char server[SPREAD_SERVER_BYTES], why[SPREAD_WHY_BYTES];
  uint64_t down_since;
  char said[SPREAD_WHY_BYTES];
  uint64_t said_ms;
  struct link *old[ATLAS_NODES]; /* closed: to be freed at the next tick */
  size_t old_count;

  /* On any thread: */
  _Atomic uint8_t owner[ATLAS_SLOTS]; /* one of `nodes`, or ATLAS_NOBODY */
  _Atomic uint64_t up;                /* a bit for each of them */
  _Atomic bool whole;
};

static inline uint8_t spread_owner(const struct spread *spread, size_t slot) {
  return atomic_load_explicit(&spread->owner[slot], memory_order_relaxed);
}

static inline bool spread_has(const struct spread *spread, uint8_t node) {
  return node != ATLAS_NOBODY &&
         atomic_load_explicit(&spread->up, memory_order_relaxed) >> node & 1;
}

/* --- what slots are where (spread_map) ------------------------------------ */

/* Uses what a node at this host has answered to CLUSTER NODES. False: it is no
 * such answer. */
bool spread_learn(struct spread *spread, const char *text, const char *from);

/* Uses "MOVED …" of that node. Whether another one has the slot now. */
bool spread_learn_moved(struct spread *spread, const char *text,
                        const struct spread_node *node);

/* Slots of the node are there now, or not any more. */
void spread_node_up(struct spread_node *node);
void spread_node_down(struct spread_node *node);

/* --- life (spread) -------------------------------------------------------- */

/* All nodes are asked anew, soon. */
void spread_look_soon(struct spread *spread);

/* Begins to connect to it. */
void spread_open_node(struct spread_node *node);

/* --- commands (spread_orders) --------------------------------------------- */

/* Another node has the slot, the node is not up any more, or it is time to try
 * again: gives what waits to whoever has it. */
void spread_pump(struct spread *spread, size_t slot);

/* The slot is tried again after a pause. */
void spread_try_later(struct spread *spread, size_t slot);

/* At the end: all that waits is told. */
void spread_drop_orders(struct spread *spread);

/* --- subscriptions (spread_channels) -------------------------------------- */

/* Another node has the slot, or nobody. */
void spread_move_channels(struct spread *spread, size_t slot);

/* Those that the node has taken away are asked for again. */
void spread_ask_channels(struct spread *spread, size_t slot);

/* What was heard by them may not be so: those that are subscribed are told to
 * be so once more. */
void spread_doubt_channels(struct spread *spread, size_t slot);

/* Of link_events. */
void spread_channel_subscribed(void *arg, void *channel_arg);
void spread_channel_heard(void *arg, void *channel_arg, struct slice payload);
void spread_channel_taken(void *arg, void *channel_arg, const char *why);

/* The links are gone. */
void spread_drop_channels(struct spread *spread);

#endif
