/* SPDX-License-Identifier: MIT
 * Letters between threads. */
#include "net/mailbox.h"

static void on_wake(uv_async_t *wake) {
  struct mailbox *mailbox = container_of(wake, struct mailbox, wake);
  struct list letters, *letter;
  uv_mutex_lock(&mailbox->lock);
  list_move(&mailbox->letters, &letters);
  uv_mutex_unlock(&mailbox->lock);
  while ((letter = list_shift(&letters)))
    mailbox->open(mailbox, letter);
}

void mailbox_init(struct mailbox *mailbox, uv_loop_t *loop, mailbox_fn *open) {
  mailbox->open = open;
  mailbox->closed = false;
  list_init(&mailbox->letters);
  uv_mutex_init(&mailbox->lock);
  uv_async_init(loop, &mailbox->wake, on_wake);
}

bool mailbox_post_take(struct mailbox *mailbox, struct list *letter) {
  uv_mutex_lock(&mailbox->lock);
  bool taken = !mailbox->closed;
  if (taken) {
    list_push(&mailbox->letters, letter);
    /* Under the lock: the handle must not be closed meanwhile. */
    uv_async_send(&mailbox->wake);
  }
  uv_mutex_unlock(&mailbox->lock);
  return taken;
}

void mailbox_close(struct mailbox *mailbox) {
  uv_mutex_lock(&mailbox->lock);
  mailbox->closed = true;
  uv_close((uv_handle_t *)&mailbox->wake, NULL);
  uv_mutex_unlock(&mailbox->lock);
}

void mailbox_free(struct mailbox *mailbox) {
  uv_mutex_destroy(&mailbox->lock);
}
