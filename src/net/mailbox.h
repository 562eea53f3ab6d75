/* SPDX-License-Identifier: MIT
 * Letters from one thread to another: a list behind a lock, and a wake-up.
 *
 * The wake-up is an eventfd of its own. uv_async_send marks a handle before and
 * after it writes: a receiver that runs in between, as it does on the same
 * core, spins until the sender runs again. */
#ifndef NET_MAILBOX_H
#define NET_MAILBOX_H

#include "base/attr.h"
#include "base/list.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

struct mailbox;
struct turn;

/* Receives one letter, on the thread of the mailbox's loop, and owns it. */
typedef void mailbox_fn(struct mailbox *mailbox, struct list *letter);

struct mailbox {
  uv_mutex_t lock;
  struct list letters;      /* under the lock */
  bool closed;              /* under the lock */
  int fd;                   /* readable: there may be letters */
  uv_poll_t wake;           /* for it */
  _Atomic unsigned posting; /* threads that are about to write to it */
  struct turn *turn; /* bounds how many are received at one go; NULL: nothing */
  mailbox_fn *open;
};

void mailbox_init(struct mailbox *mailbox, uv_loop_t *loop, mailbox_fn *open);

/* Posts a letter, from any thread. It belongs to the receiver from now on.
 * Returns false when the mailbox is closed; then the letter is still the
 * caller's. */
MUST_CHECK bool mailbox_post_take(struct mailbox *mailbox, struct list *letter);

/* Receives all that has been posted so far, now. On the thread of the loop. */
void mailbox_receive_all(struct mailbox *mailbox);

/* Closes the handle. Letters that were not received stay in `letters`. Whoever
 * posts from now on is told that nobody is there. */
void mailbox_close(struct mailbox *mailbox);

/* Call it when the loop has ended and nobody posts any more. */
void mailbox_free(struct mailbox *mailbox);

#endif
