/* SPDX-License-Identifier: MIT
 * Which node has which slot.
 *
 * Each node tells what it sees, and some see it later than others, or are cut
 * off. So a slot is believed to have changed when its new node has a higher
 * epoch than the one that we know, or when the node that we know says itself
 * that it is not the one any more. */
#include "base/log.h"
#include "redis/spread_state.h"

#include <stdio.h>
#include <string.h>

/* What a change of some slots has come to. */
struct change {
  bool came, gone; /* slots are there, or are not */
  size_t moved;
};

static bool same_address(const struct atlas_node *a,
                         const struct atlas_node *b) {
  return a->port == b->port && strcmp(a->host, b->host) == 0;
}

static void note_whole(struct spread *spread) {
  bool whole = spread->free_slots == 0;
  for (uint8_t i = 0; i < ATLAS_NODES; i++)
    if (spread->nodes[i].slots > 0 && !spread_has(spread, i))
      whole = false;
  if (spread->free_slots == 0)
    spread->down_since = 0;
  else if (spread->down_since == 0)
    spread->down_since = uv_now(spread->loop) + 1;
  atomic_store_explicit(&spread->whole, whole, memory_order_relaxed);
}

static void tell_change(struct spread *spread, const struct change *change) {
  note_whole(spread);
  if (change->gone && !spread->closed)
    spread->events->down(spread->arg);
  if (change->came && !spread->closed)
    spread->events->up(spread->arg);
}

/* --- former masters --------------------------------------------------------
 *
 * A master that has stood still does what waited for it before it knows that
 * another one has its place; and what it publishes then is passed on to that
 * one, whose subscribers hear it. So when it is there again, as a replica, what
 * was heard is compared with what there is: channels are told to be subscribed
 * once more, as after a loss. */

static void note_former(struct spread *spread, const struct spread_node *gone,
                        uint8_t taker) {
  struct spread_former *former = &spread->formers[spread->next_former];
  spread->next_former = (spread->next_former + 1) % SPREAD_FORMERS;
  memcpy(former->id, gone->is.id, sizeof former->id);
  memcpy(former->taker, spread->nodes[taker].is.id, sizeof former->taker);
}

/* The channels of all slots of that node. */
static void doubt_node_channels(struct spread *spread, const char *id) {
  for (size_t slot = 0; slot < ATLAS_SLOTS; slot++) {
    uint8_t owner = spread_owner(spread, slot);
    if (owner != ATLAS_NOBODY && strcmp(spread->nodes[owner].is.id, id) == 0)
      spread_doubt_channels(spread, slot);
  }
}

/* The text is what the node in its place sees. */
static void look_for_formers(struct spread *spread, const char *text) {
  for (size_t i = 0; i < SPREAD_FORMERS; i++) {
    struct spread_former *former = &spread->formers[i];
    if (!*former->id || strcmp(former->taker, spread->atlas->self) != 0 ||
        !atlas_has_replica(text, former->id))
      continue;
    doubt_node_channels(spread, former->taker);
    *former->id = '\0';
  }
}

/* --- owners --------------------------------------------------------------- */

static void set_owner(struct spread *spread, size_t slot, uint8_t node,
                      struct change *change) {
  uint8_t before = spread_owner(spread, slot);
  bool was_there = spread_has(spread, before);
  bool is_there = spread_has(spread, node);
  if (before != ATLAS_NOBODY) {
    if (--spread->nodes[before].slots == 0 && node != ATLAS_NOBODY)
      note_former(spread, &spread->nodes[before], node);
  } else
    spread->free_slots--;
  if (node != ATLAS_NOBODY)
    spread->nodes[node].slots++;
  else
    spread->free_slots++;
  change->moved += before != ATLAS_NOBODY;
  change->came |= is_there && !was_there;
  change->gone |= was_there && !is_there;
  atomic_store_explicit(&spread->owner[slot], node, memory_order_relaxed);
  list_remove(&spread->slots[slot].later);
  spread_move_channels(spread, slot);
  spread_pump(spread, slot);
}

/* --- what a node sees ----------------------------------------------------- */

/* Our node for that of the atlas, or ATLAS_NOBODY. */
static uint8_t find_node(const struct spread *spread,
                         const struct atlas_node *wanted) {
  for (uint8_t i = 0; i < ATLAS_NODES; i++) {
    const struct spread_node *node = &spread->nodes[i];
    if (node->link && strcmp(node->is.id, wanted->id) == 0 &&
        same_address(&node->is, wanted))
      return i;
  }
  return ATLAS_NOBODY;
}

static uint8_t add_spread_node(struct spread *spread,
                               const struct atlas_node *wanted) {
  for (uint8_t i = 0; i < ATLAS_NODES; i++) {
    struct spread_node *node = &spread->nodes[i];
    if (node->link)
      continue;
    *node = (struct spread_node){.spread = spread, .is = *wanted};
    spread_open_node(node);
    return i;
  }
  log_error("redis: the cluster has more than %d masters: some of its slots "
            "are not used",
            ATLAS_NODES);
  return ATLAS_NOBODY;
}

/* Whether what the atlas says of the slot is newer than what we know. */
static bool is_news(const struct spread *spread, size_t slot) {
  const struct atlas *atlas = spread->atlas;
  uint8_t claim = atlas->owner[slot], now = spread_owner(spread, slot);
  if (now == ATLAS_NOBODY)
    return claim != ATLAS_NOBODY;
  const struct atlas_node *known = &spread->nodes[now].is;
  bool says_it_itself = strcmp(atlas->self, known->id) == 0;
  if (claim == ATLAS_NOBODY)
    return says_it_itself;
  const struct atlas_node *other = &atlas->nodes[claim];
  if (strcmp(other->id, known->id) == 0)
    return !same_address(other, known);
  return says_it_itself || other->epoch > known->epoch ||
         atomic_load_explicit(&spread->up, memory_order_relaxed) == 0;
}

/* Which of ours are those of the atlas. Their epochs only grow. */
static void match_nodes(struct spread *spread, uint8_t ours[ATLAS_NODES]) {
  const struct atlas *atlas = spread->atlas;
  for (size_t i = 0; i < atlas->count; i++) {
    ours[i] = find_node(spread, &atlas->nodes[i]);
    if (ours[i] != ATLAS_NOBODY &&
        spread->nodes[ours[i]].is.epoch < atlas->nodes[i].epoch)
      spread->nodes[ours[i]].is.epoch = atlas->nodes[i].epoch;
  }
}

static void learn_slot(struct spread *spread, size_t slot,
                       uint8_t ours[ATLAS_NODES], struct change *change) {
  uint8_t claim = spread->atlas->owner[slot];
  uint8_t node = claim == ATLAS_NOBODY ? ATLAS_NOBODY : ours[claim];
  if (claim != ATLAS_NOBODY && node == ATLAS_NOBODY)
    node = ours[claim] = add_spread_node(spread, &spread->atlas->nodes[claim]);
  if (node != spread_owner(spread, slot))
    set_owner(spread, slot, node, change);
}

bool spread_learn(struct spread *spread, const char *text, const char *from) {
  uint8_t ours[ATLAS_NODES];
  struct change change = {0};
  if (!atlas_read(spread->atlas, text, from, spread->url.tls))
    return false;
  match_nodes(spread, ours);
  for (size_t slot = 0; slot < ATLAS_SLOTS; slot++)
    if (is_news(spread, slot))
      learn_slot(spread, slot, ours, &change);
  if (change.moved > 0)
    log_info("redis: %zu slots of the cluster have moved", change.moved);
  tell_change(spread, &change);
  look_for_formers(spread, text);
  return true;
}

/* --- what a node says of one slot ----------------------------------------- */

bool spread_learn_moved(struct spread *spread, const char *text,
                        const struct spread_node *by) {
  struct atlas_node wanted = {0};
  struct change change = {0};
  size_t slot;
  if (!atlas_read_moved(text, &slot, wanted.host, &wanted.port))
    return false;
  if (!*wanted.host)
    memcpy(wanted.host, by->is.host, sizeof wanted.host);
  uint8_t now = spread_owner(spread, slot);
  if (now != ATLAS_NOBODY && &spread->nodes[now] != by)
    return true; /* we know it already */
  for (uint8_t i = 0; i < ATLAS_NODES; i++) {
    const struct spread_node *node = &spread->nodes[i];
    if (!node->link || node == by || !same_address(&node->is, &wanted))
      continue;
    set_owner(spread, slot, i, &change);
    tell_change(spread, &change);
    return true;
  }
  return false;
}

/* --- links ---------------------------------------------------------------- */

void spread_node_up(struct spread_node *node) {
  struct spread *spread = node->spread;
  struct change change = {.came = node->slots > 0};
  atomic_fetch_or_explicit(&spread->up, UINT64_C(1) << (node - spread->nodes),
                           memory_order_relaxed);
  tell_change(spread, &change);
}

void spread_node_down(struct spread_node *node) {
  struct spread *spread = node->spread;
  struct change change = {.gone = node->slots > 0};
  uint8_t at = (uint8_t)(node - spread->nodes);
  atomic_fetch_and_explicit(&spread->up, ~(UINT64_C(1) << at),
                            memory_order_relaxed);
  for (size_t slot = 0; slot < ATLAS_SLOTS; slot++)
    if (spread_owner(spread, slot) == at)
      spread_pump(spread, slot);
  tell_change(spread, &change);
}
