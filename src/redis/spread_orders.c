/* SPDX-License-Identifier: MIT
 * Commands for the slots of a cluster.
 *
 * A node may refuse a command, since it does not have the slot, or not all of
 * the keys while the slot is on its way to another one. Nothing was done then,
 * and the command waits until it can be given to the node that has all of it;
 * and all that was given for this slot after it waits, too.
 *
 * Commands are pipelined all the same: what is under way for a slot at one time
 * is for one node and of one kind, that is, by the same script and with as many
 * keys. Such commands are refused alike, so none overtakes another. Where two
 * kinds follow each other, the second one waits until the first is answered.
 *
 * A slot on its way is waited for, though its new node would take some commands
 * before (ASKING): that node does not have our subscriptions yet, and what a
 * script publishes there nobody would hear. */
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "redis/spread_state.h"
#include "redis/words.h"

#include <string.h>

enum {
  RETRY_MS = 30,
  HOLD_MS = 10000, /* then the refusal is the answer */
  REDIRECTS = 3    /* that are followed at once */
};

struct spread_order {
  struct list node; /* in its slot */
  struct spread *spread;
  size_t slot;
  bool sent;
  unsigned redirects;
  uint64_t kind, since_ms;
  link_answer_fn *done;
  void *arg;
  size_t len;
  char text[]; /* as words_put makes it, with the zero */
};

static struct spread_slot *slot_of_order(struct spread_order *order) {
  return &order->spread->slots[order->slot];
}

static void note_waiting(struct spread_order *order, bool waits) {
  struct spread *spread = order->spread;
  if (waits) {
    spread->waiting++;
    spread->waiting_bytes += order->len;
  } else {
    spread->waiting--;
    spread->waiting_bytes -= order->len;
  }
}

/* It is answered, and not under way any more. */
static void end_order(struct spread_order *order, enum link_fate fate,
                      const struct reply *reply) {
  struct spread_slot *slot = slot_of_order(order);
  list_remove(&order->node);
  slot->count--;
  if (order->done)
    order->done(order->arg, fate, reply);
  mem_free(order);
}

static void fail_order(struct spread_order *order) {
  note_waiting(order, false);
  end_order(order, LINK_NOT_SENT, NULL);
}

static struct spread_order *first_order(const struct spread_slot *slot) {
  return list_empty(&slot->orders)
             ? NULL
             : container_of(slot->orders.next, struct spread_order, node);
}

/* --- answers -------------------------------------------------------------- */

/* Those that were given before this one, and were refused, are told before it:
 * whoever sends them again keeps their order. */
static void fail_before(struct spread_order *order) {
  struct spread_order *first;
  while ((first = first_order(slot_of_order(order))) != order && !first->sent)
    fail_order(first);
}

static void refused(struct spread_order *order, const struct reply *reply,
                    const struct spread_node *by) {
  struct spread *spread = order->spread;
  note_waiting(order, true);
  spread_look_soon(spread);
  if (!spread_learn_moved(spread, reply->text, by) ||
      ++order->redirects > REDIRECTS)
    spread_try_later(spread, order->slot);
}

static void on_order_answered(void *arg, enum link_fate fate,
                              const struct reply *reply) {
  struct spread_order *order = arg;
  struct spread *spread = order->spread;
  struct spread_slot *slot = slot_of_order(order);
  size_t at = order->slot;
  const struct spread_node *by = &spread->nodes[slot->sent_to];
  order->sent = false;
  slot->sent--;
  if (fate == LINK_ANSWERED && reply_is_elsewhere(reply) &&
      uv_now(spread->loop) < order->since_ms + HOLD_MS) {
    refused(order, reply, by);
  } else {
    if (fate != LINK_ANSWERED)
      fail_before(order);
    end_order(order, fate, reply);
  }
  spread_pump(spread, at);
}

/* --- giving --------------------------------------------------------------- */

/* Which commands are refused alike: those of the same name, and of the same
 * script and number of keys. */
static uint64_t kind_of_words(const struct slice *words, size_t count) {
  static const struct hash_key key = {1, 2};
  uint64_t kind = hash_siphash(&key, words[0].at, words[0].len);
  if (words[0].len == 7 && memcmp(words[0].at, "EVALSHA", 7) == 0 && count > 2)
    kind ^= hash_siphash(&key, words[1].at, words[1].len) +
            (unsigned char)words[2].at[0];
  return kind;
}

static struct spread_order *new_order(struct spread *spread, size_t slot,
                                      const struct slice *words, size_t count) {
  struct buf text = {0};
  words_put(&text, words, count);
  struct spread_order *order = mem_alloc_raw(sizeof *order + text.len + 1);
  *order = (struct spread_order){.spread = spread,
                                 .slot = slot,
                                 .kind = kind_of_words(words, count),
                                 .since_ms = uv_now(spread->loop),
                                 .len = text.len};
  memcpy(order->text, text.data, text.len + 1);
  list_init(&order->node);
  buf_free(&text);
  return order;
}

/* Gives it to the link of the node; the order is in its slot already. */
static int give_order(struct spread_order *order, uint8_t node) {
  struct spread_slot *slot = slot_of_order(order);
  int rc = link_send(order->spread->nodes[node].link, order->text, order->len,
                     on_order_answered, order);
  if (rc < 0)
    return rc;
  order->sent = true;
  slot->sent++;
  slot->sent_to = node;
  slot->kind = order->kind;
  return 0;
}

/* Whether one more may be under way, and stands behind nothing that waits. */
static bool may_follow(const struct spread_slot *slot, uint64_t kind,
                       uint8_t node) {
  return slot->count == slot->sent && !list_linked(&slot->later) &&
         (slot->sent == 0 || (slot->kind == kind && slot->sent_to == node));
}

static bool has_room_to_wait(const struct spread *spread, size_t bytes) {
  size_t most = spread->link.max_commands, most_bytes = spread->link.max_bytes;
  return spread->waiting < (most ? most : LINK_COMMANDS) &&
         spread->waiting_bytes + bytes <=
             (most_bytes ? most_bytes : LINK_BYTES);
}

int spread_command(struct spread *spread, size_t at, const struct slice *words,
                   size_t count, link_answer_fn *done, void *arg) {
  struct spread_slot *slot = &spread->slots[at];
  uint8_t node = spread_owner(spread, at);
  if (!spread_has(spread, node))
    return ERR_CLOSED;
  struct spread_order *order = new_order(spread, at, words, count);
  bool follows = may_follow(slot, order->kind, node);
  int rc = follows || has_room_to_wait(spread, order->len) ? 0 : ERR_FULL;
  order->done = done;
  order->arg = arg;
  if (rc == 0 && follows)
    rc = give_order(order, node);
  if (rc < 0) {
    mem_free(order);
    return rc;
  }
  list_push(&slot->orders, &order->node);
  slot->count++;
  if (!follows)
    note_waiting(order, true);
  return 0;
}

/* --- what waits ----------------------------------------------------------- */

/* Nobody is there for them. */
static void fail_waiting(struct spread_slot *slot) {
  struct spread_order *order;
  while ((order = first_order(slot)))
    fail_order(order);
}

void spread_pump(struct spread *spread, size_t at) {
  struct spread_slot *slot = &spread->slots[at];
  uint8_t node = spread_owner(spread, at);
  if (slot->sent > 0)
    return;
  if (!spread_has(spread, node) || !link_is_up(spread->nodes[node].link)) {
    fail_waiting(slot);
    return;
  }
  if (list_linked(&slot->later))
    return;
  LIST_FOREACH (it, &slot->orders) {
    struct spread_order *order = container_of(it, struct spread_order, node);
    if (slot->sent > 0 && order->kind != slot->kind)
      return;
    if (give_order(order, node) < 0) {
      spread_try_later(spread, at);
      return;
    }
    note_waiting(order, false);
  }
}

static void on_retry(uv_timer_t *timer) {
  struct spread *spread = timer->data;
  struct list later, *node;
  list_init(&later);
  list_move(&spread->later, &later);
  while ((node = list_shift(&later))) {
    struct spread_slot *slot = container_of(node, struct spread_slot, later);
    size_t at = (size_t)(slot - spread->slots);
    spread_ask_channels(spread, at);
    spread_pump(spread, at);
  }
}

void spread_try_later(struct spread *spread, size_t at) {
  struct spread_slot *slot = &spread->slots[at];
  if (spread->closed)
    return;
  if (!list_linked(&slot->later))
    list_push(&spread->later, &slot->later);
  if (!uv_is_active((uv_handle_t *)&spread->retry))
    uv_timer_start(&spread->retry, on_retry, RETRY_MS, 0);
}

void spread_drop_orders(struct spread *spread) {
  for (size_t i = 0; i < ATLAS_SLOTS; i++)
    fail_waiting(&spread->slots[i]);
}
