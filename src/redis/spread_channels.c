/* SPDX-License-Identifier: MIT
 * Subscriptions to the sharded channels of a cluster.
 *
 * A channel is subscribed to on the node that has its slot. When the slot goes,
 * the node says so by itself, and the channel is asked for there once more: the
 * answer names the node that has it now. */
#include "base/mem.h"
#include "redis/spread_state.h"

#include <string.h>

struct spread_channel {
  struct list node; /* in its slot */
  struct spread *spread;
  size_t slot;
  struct link_channel *at_link; /* NULL: nobody has the slot */
  void *arg;
  size_t len;
  char name[];
};

static void attach_channel(struct spread_channel *channel) {
  struct spread *spread = channel->spread;
  uint8_t node = spread_owner(spread, channel->slot);
  channel->at_link = NULL;
  if (node != ATLAS_NOBODY)
    channel->at_link =
        link_subscribe(spread->nodes[node].link,
                       (struct slice){channel->name, channel->len}, channel);
}

struct shards_channel *spread_subscribe(struct spread *spread, size_t slot,
                                        struct slice name, void *channel_arg) {
  struct spread_channel *channel =
      mem_alloc_raw(sizeof *channel + name.len + 1);
  *channel = (struct spread_channel){
      .spread = spread, .slot = slot, .arg = channel_arg, .len = name.len};
  memcpy(channel->name, name.at, name.len);
  channel->name[name.len] = '\0';
  list_init(&channel->node);
  list_push(&spread->slots[slot].channels, &channel->node);
  attach_channel(channel);
  return (struct shards_channel *)channel;
}

void spread_unsubscribe(struct shards_channel *handle) {
  struct spread_channel *channel = (struct spread_channel *)handle;
  if (!channel)
    return;
  link_unsubscribe(channel->at_link);
  list_remove(&channel->node);
  mem_free(channel);
}

/* Tells that nothing of it is heard now; that may end it. */
static void tell_moved(struct spread_channel *channel) {
  struct spread *spread = channel->spread;
  spread->events->moved(spread->arg, channel->arg);
}

void spread_move_channels(struct spread *spread, size_t at) {
  struct spread_slot *slot = &spread->slots[at];
  LIST_FOREACH_SAFE (it, &slot->channels) {
    struct spread_channel *channel =
        container_of(it, struct spread_channel, node);
    bool was_there = channel->at_link;
    link_unsubscribe(channel->at_link);
    attach_channel(channel);
    if (was_there)
      tell_moved(channel);
  }
}

void spread_ask_channels(struct spread *spread, size_t at) {
  LIST_FOREACH (it, &spread->slots[at].channels) {
    struct spread_channel *channel =
        container_of(it, struct spread_channel, node);
    if (channel->at_link)
      link_subscribe_again(channel->at_link);
  }
}

void spread_doubt_channels(struct spread *spread, size_t at) {
  LIST_FOREACH_SAFE (it, &spread->slots[at].channels) {
    struct spread_channel *channel =
        container_of(it, struct spread_channel, node);
    if (channel->at_link && link_is_subscribed(channel->at_link))
      spread->events->subscribed(spread->arg, channel->arg);
  }
}

void spread_channel_subscribed(void *arg, void *channel_arg) {
  struct spread *spread = ((struct spread_node *)arg)->spread;
  struct spread_channel *channel = channel_arg;
  spread->events->subscribed(spread->arg, channel->arg);
}

void spread_channel_heard(void *arg, void *channel_arg, struct slice payload) {
  struct spread *spread = ((struct spread_node *)arg)->spread;
  struct spread_channel *channel = channel_arg;
  spread->events->message(spread->arg, channel->arg, payload);
}

void spread_channel_taken(void *arg, void *channel_arg, const char *why) {
  struct spread_node *node = arg;
  struct spread *spread = node->spread;
  struct spread_channel *channel = channel_arg;
  if (!why) {
    link_subscribe_again(channel->at_link); /* it says who has it */
    tell_moved(channel);
  } else if (!spread_learn_moved(spread, why, node)) {
    spread_look_soon(spread);
    spread_try_later(spread, channel->slot);
  }
}

void spread_drop_channels(struct spread *spread) {
  for (size_t i = 0; i < ATLAS_SLOTS; i++)
    LIST_FOREACH_SAFE (it, &spread->slots[i].channels) {
      struct spread_channel *channel =
          container_of(it, struct spread_channel, node);
      list_remove(it);
      mem_free(channel);
    }
}
