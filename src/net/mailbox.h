/* SPDX-License-Identifier: MIT
 * Letters from one thread to another: a list behind a lock, and a wake-up. */
#ifndef NET_MAILBOX_H
#define NET_MAILBOX_H

#include "base/attr.h"
#include "base/list.h"

#include <stdbool.h>
#include <uv.h>

struct mailbox;
struct turn;

/* Opens one letter, on the thread of the mailbox's loop; it owns it. */
typedef void mailbox_fn(struct mailbox *mailbox, struct list *letter);

struct mailbox {
  uv_mutex_t lock;
  struct list letters; /* under the lock */
  bool closed;         /* under the lock */
  uv_async_t wake;
  struct turn *turn; /* bounds how many are opened at one go; NULL: nothing */
  mailbox_fn *open;
};

void mailbox_init(struct mailbox *mailbox, uv_loop_t *loop, mailbox_fn *open);

/* From any thread. The letter belongs to the receiver from now on; false, and
 * it is the caller's still, when the mailbox is closed. */
MUST_CHECK bool mailbox_post_take(struct mailbox *mailbox, struct list *letter);

/* Closes the handle; letters that were not opened stay in `letters`. Whoever
 * posts from now on is told that nobody is there. */
void mailbox_close(struct mailbox *mailbox);

/* When the loop has ended and nobody posts any more. */
void mailbox_free(struct mailbox *mailbox);

#endif
