/* SPDX-License-Identifier: MIT
 * What a link is subscribed to, and what Redis still has to be told of it.
 *
 * A channel may be wanted, not wanted, and wanted again before Redis has
 * answered anything. So a channel stays here until Redis owes no answer about
 * it, and it is confirmed when the answer to its last SUBSCRIBE has come. */
#include "redis/subs.h"

#include "base/err.h"
#include "base/mem.h"
#include "redis/adapter.h"
#include "redis/words.h"

#include <string.h>

struct link_channel {
  UT_hash_handle hh;
  struct list todo; /* in subs.todo, or in none */
  void *link, *arg;
  bool wanted, confirmed;
  unsigned subscribes, unsubscribes; /* that Redis has not answered */
  bool held;                         /* Redis has it, as far as it was told */
  size_t len;
  char name[];
};

void subs_init(struct subs *subs) {
  *subs = (struct subs){0};
  list_init(&subs->todo);
}

static struct link_channel *find_channel(const struct subs *subs,
                                         const char *name, size_t len) {
  struct link_channel *channel;
  HASH_FIND(hh, subs->table, name, len, channel);
  return channel;
}

static void free_channel(struct subs *subs, struct link_channel *channel) {
  list_remove(&channel->todo);
  HASH_DELETE(hh, subs->table, channel);
  mem_free(channel);
}

static void want_told(struct subs *subs, struct link_channel *channel) {
  if (!list_linked(&channel->todo))
    list_push(&subs->todo, &channel->todo);
}

struct link_channel *subs_add(struct subs *subs, struct slice name, void *link,
                              void *channel_arg) {
  struct link_channel *channel = find_channel(subs, name.at, name.len);
  if (channel && channel->wanted)
    return NULL;
  if (!channel) {
    channel = mem_alloc(sizeof *channel + name.len + 1);
    memcpy(channel->name, name.at, name.len);
    channel->len = name.len;
    list_init(&channel->todo);
    HASH_ADD_KEYPTR(hh, subs->table, channel->name, channel->len, channel);
  }
  channel->link = link;
  channel->arg = channel_arg;
  channel->wanted = true;
  channel->confirmed = false;
  subs->wanted++;
  want_told(subs, channel);
  return channel;
}

void *subs_link(const struct link_channel *channel) {
  return channel->link;
}

static bool owes_answer(const struct link_channel *channel) {
  return channel->subscribes || channel->unsubscribes;
}

void subs_remove(struct subs *subs, struct link_channel *channel) {
  channel->wanted = channel->confirmed = false;
  subs->wanted--;
  if (channel->held)
    want_told(subs, channel);
  else if (!owes_answer(channel))
    free_channel(subs, channel);
  else
    list_remove(&channel->todo);
}

bool subs_due(const struct subs *subs) {
  return !list_empty(&subs->todo) && subs->unconfirmed < SUBS_AHEAD;
}

/* The first ones that wait and are wanted or not, like the very first; they
 * leave the list. */
static size_t take_batch(struct subs *subs, bool wanted,
                         struct link_channel **batch) {
  size_t count = 0;
  while (count < SUBS_BATCH && !list_empty(&subs->todo)) {
    struct link_channel *channel =
        container_of(subs->todo.next, struct link_channel, todo);
    if (channel->wanted != wanted)
      break;
    list_remove(&channel->todo);
    batch[count++] = channel;
  }
  return count;
}

static void note_channel_told(struct subs *subs, struct link_channel *channel) {
  if (channel->wanted)
    channel->subscribes++;
  else
    channel->unsubscribes++;
  channel->held = channel->wanted;
  subs->unconfirmed++;
}

int subs_tell(struct subs *subs, struct adapter *adapter) {
  struct link_channel *batch[SUBS_BATCH];
  bool wanted =
      container_of(subs->todo.next, struct link_channel, todo)->wanted;
  size_t count = take_batch(subs, wanted, batch);
  buf_reset(&subs->text, (size_t)64 * 1024);
  words_begin(&subs->text, count + 1);
  words_add(&subs->text, word(wanted ? "SUBSCRIBE" : "UNSUBSCRIBE"));
  for (size_t i = 0; i < count; i++) {
    note_channel_told(subs, batch[i]);
    words_add(&subs->text, (struct slice){batch[i]->name, batch[i]->len});
  }
  words_end(&subs->text);
  return adapter_send_subscription(adapter, subs->text.data, subs->text.len);
}

/* ["subscribe", channel, …]. */
static struct subs_news take_confirmation(struct subs *subs,
                                          struct link_channel *channel,
                                          bool subscribed) {
  unsigned *owed = subscribed ? &channel->subscribes : &channel->unsubscribes;
  if (*owed > 0) {
    --*owed;
    subs->unconfirmed--;
  }
  if (!channel->wanted) {
    if (!owes_answer(channel) && !channel->held)
      free_channel(subs, channel);
    return (struct subs_news){0};
  }
  if (!channel->held || channel->confirmed || owes_answer(channel) ||
      list_linked(&channel->todo))
    return (struct subs_news){0};
  channel->confirmed = true;
  return (struct subs_news){.event = SUBS_CONFIRMED,
                            .channel_arg = channel->arg};
}

struct subs_news subs_pushed(struct subs *subs, const struct reply *reply) {
  struct reply kind = reply_at(reply, 0), name = reply_at(reply, 1);
  struct link_channel *channel =
      name.kind == REPLY_TEXT ? find_channel(subs, name.text, name.len) : NULL;
  if (!channel)
    return (struct subs_news){0};
  if (reply_is(&kind, "message")) {
    struct reply payload = reply_at(reply, 2);
    if (!channel->confirmed)
      return (struct subs_news){0};
    return (struct subs_news){.event = SUBS_MESSAGE,
                              .channel_arg = channel->arg,
                              .payload = {payload.text, payload.len}};
  }
  return take_confirmation(subs, channel, reply_is(&kind, "subscribe"));
}

void subs_lost(struct subs *subs) {
  struct link_channel *channel, *next;
  subs->unconfirmed = 0;
  HASH_ITER (hh, subs->table, channel, next) {
    channel->confirmed = channel->held = false;
    channel->subscribes = channel->unsubscribes = 0;
    if (channel->wanted)
      want_told(subs, channel);
    else
      free_channel(subs, channel);
  }
}

void subs_free(struct subs *subs) {
  struct link_channel *channel, *next;
  HASH_ITER (hh, subs->table, channel, next)
    free_channel(subs, channel);
  buf_free(&subs->text);
}
