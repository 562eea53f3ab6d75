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

/* A command of a sharded channel that has no answer yet. */
struct told {
  struct list node;
  struct link_channel *channel;
  bool subscribe;
};

void subs_init(struct subs *subs) {
  *subs = (struct subs){0};
  list_init(&subs->todo);
  list_init(&subs->told);
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

bool subs_confirmed(const struct link_channel *channel) {
  return channel->wanted && channel->confirmed;
}

void subs_again(struct subs *subs, struct link_channel *channel) {
  if (channel->wanted && !channel->held && !owes_answer(channel))
    want_told(subs, channel);
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

static void put_each(struct subs *subs, struct link_channel **batch,
                     size_t count, bool wanted) {
  for (size_t i = 0; i < count; i++) {
    struct told *told = mem_alloc_raw(sizeof *told);
    const struct slice words[] = {word(wanted ? "SSUBSCRIBE" : "SUNSUBSCRIBE"),
                                  {batch[i]->name, batch[i]->len}};
    note_channel_told(subs, batch[i]);
    told->channel = batch[i];
    told->subscribe = wanted;
    list_init(&told->node);
    list_push(&subs->told, &told->node);
    words_put(&subs->text, words, ARRAY_SIZE(words));
  }
}

int subs_tell(struct subs *subs, struct adapter *adapter) {
  struct link_channel *batch[SUBS_BATCH];
  bool wanted =
      container_of(subs->todo.next, struct link_channel, todo)->wanted;
  size_t count = take_batch(subs, wanted, batch);
  buf_reset(&subs->text, (size_t)64 * 1024);
  if (subs->sharded) {
    put_each(subs, batch, count, wanted);
    return adapter_send_subscription(adapter, subs->text.data, subs->text.len);
  }
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

/* The oldest command is answered; whether it is one for this channel (NULL:
 * whichever it is). */
static bool take_told(struct subs *subs, struct link_channel *channel,
                      bool subscribe, struct told *out) {
  if (list_empty(&subs->told))
    return false;
  struct told *told = container_of(subs->told.next, struct told, node);
  if (channel && (told->channel != channel || told->subscribe != subscribe))
    return false;
  *out = *told;
  list_remove(&told->node);
  mem_free(told);
  return true;
}

/* The node does not have it (any more). */
static struct subs_news channel_taken(struct subs *subs,
                                      struct link_channel *channel) {
  if (owes_answer(channel))
    return (struct subs_news){0}; /* that decides */
  channel->confirmed = channel->held = false;
  list_remove(&channel->todo);
  if (!channel->wanted) {
    free_channel(subs, channel);
    return (struct subs_news){0};
  }
  return (struct subs_news){.event = SUBS_TAKEN, .channel_arg = channel->arg};
}

static struct subs_news told_refused(struct subs *subs) {
  struct told told;
  if (!take_told(subs, NULL, true, &told))
    return (struct subs_news){0};
  if (told.subscribe)
    told.channel->subscribes--;
  else
    told.channel->unsubscribes--;
  subs->unconfirmed--;
  return channel_taken(subs, told.channel);
}

/* Answers of sharded channels come in the order of the commands; what fits to
 * none the node says by itself. */
static struct subs_news
take_sharded(struct subs *subs, struct link_channel *channel, bool subscribed) {
  struct told told;
  if (take_told(subs, channel, subscribed, &told))
    return take_confirmation(subs, channel, subscribed);
  return subscribed ? (struct subs_news){0} : channel_taken(subs, channel);
}

struct subs_news subs_pushed(struct subs *subs, const struct reply *reply) {
  struct reply kind = reply_at(reply, 0), name = reply_at(reply, 1);
  if (reply->kind == REPLY_ERROR)
    return told_refused(subs);
  struct link_channel *channel =
      name.kind == REPLY_TEXT ? find_channel(subs, name.text, name.len) : NULL;
  if (!channel)
    return (struct subs_news){0};
  if (reply_is(&kind, subs->sharded ? "smessage" : "message")) {
    struct reply payload = reply_at(reply, 2);
    if (!channel->confirmed)
      return (struct subs_news){0};
    return (struct subs_news){.event = SUBS_MESSAGE,
                              .channel_arg = channel->arg,
                              .payload = {payload.text, payload.len}};
  }
  if (subs->sharded)
    return take_sharded(subs, channel, reply_is(&kind, "ssubscribe"));
  return take_confirmation(subs, channel, reply_is(&kind, "subscribe"));
}

static void forget_told(struct subs *subs) {
  struct list *node;
  while ((node = list_shift(&subs->told)))
    mem_free(container_of(node, struct told, node));
}

void subs_lost(struct subs *subs) {
  struct link_channel *channel, *next;
  subs->unconfirmed = 0;
  forget_told(subs);
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
  forget_told(subs);
  HASH_ITER (hh, subs->table, channel, next)
    free_channel(subs, channel);
  buf_free(&subs->text);
}
