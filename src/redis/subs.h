/* SPDX-License-Identifier: MIT
 * What a link is subscribed to, and what Redis still has to be told of it.
 *
 * Channels that are wanted or not any more wait in a list, and are told in
 * batches at the end of the loop's turn: that costs Redis a quarter of what
 * single ones do. After a reconnect all of them wait. Not more than SUBS_AHEAD
 * are told before Redis has confirmed some, so that messages are not held up
 * behind a hundred thousand confirmations.
 *
 * The channels of a cluster are sharded ones. Each is told by a command of its
 * own, as slots may not be mixed. The node may say by itself that it does not
 * have a channel any more, or answer that another one has: it is taken then,
 * and waits until somebody says what is to be done (subs_again). */
#ifndef REDIS_SUBS_H
#define REDIS_SUBS_H

#include "base/buf.h"
#include "base/hash.h"
#include "base/list.h"
#include "redis/reply.h"
#include "wire/slice.h"

#include <stdbool.h>

struct adapter;

enum { SUBS_BATCH = 500, SUBS_AHEAD = 4000 };

struct subs {
  struct link_channel *table; /* by name */
  struct list todo;           /* channels that Redis has to be told of */
  bool sharded;               /* from the beginning */
  struct list told;           /* of these: commands without an answer */
  size_t unconfirmed;
  size_t wanted;   /* channels */
  struct buf text; /* of commands, used again */
};

/* What a reply of the subscriber means. */
enum subs_event { SUBS_NOTHING, SUBS_CONFIRMED, SUBS_MESSAGE, SUBS_TAKEN };

struct subs_news {
  enum subs_event event;
  void *channel_arg;
  struct slice payload;
};

void subs_init(struct subs *subs);

/* NULL if the name is wanted already. */
struct link_channel *subs_add(struct subs *subs, struct slice name, void *link,
                              void *channel_arg);

/* The `link` of subs_add. */
void *subs_link(const struct link_channel *channel);

void subs_remove(struct subs *subs, struct link_channel *channel);

bool subs_confirmed(const struct link_channel *channel);

/* A channel that was taken is asked for once more. */
void subs_again(struct subs *subs, struct link_channel *channel);

/* Whether something waits to be told, and may be. */
bool subs_due(const struct subs *subs);

/* Tells one batch. ERR_CLOSED if the adapter is closed. */
MUST_CHECK int subs_tell(struct subs *subs, struct adapter *adapter);

/* What the reply means; an error is of the oldest command of a sharded channel.
 */
struct subs_news subs_pushed(struct subs *subs, const struct reply *reply);

/* The connection is lost: all that is wanted is to be told again. */
void subs_lost(struct subs *subs);

void subs_free(struct subs *subs);

#endif
