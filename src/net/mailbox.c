/* SPDX-License-Identifier: MIT
 * Letters between threads. */
#include "net/mailbox.h"

#include "net/turn.h"

/* In front of what has come meanwhile; the rest is for the next turn. */
static void put_back(struct mailbox *mailbox, struct list *letters) {
  struct list *letter;
  uv_mutex_lock(&mailbox->lock);
  while ((letter = list_shift(&mailbox->letters)))
    list_push(letters, letter);
  list_move(letters, &mailbox->letters);
  if (!mailbox->closed)
    uv_async_send(&mailbox->wake);
  uv_mutex_unlock(&mailbox->lock);
}

static void on_wake(uv_async_t *wake) {
  struct mailbox *mailbox = container_of(wake, struct mailbox, wake);
  struct list letters, *letter;
  uv_mutex_lock(&mailbox->lock);
  list_move(&mailbox->letters, &letters);
  uv_mutex_unlock(&mailbox->lock);
  if (mailbox->turn)
    turn_part_begin(mailbox->turn);
  while ((letter = list_shift(&letters))) {
    mailbox->open(mailbox, letter);
    if (mailbox->turn && turn_part_over(mailbox->turn)) {
      put_back(mailbox, &letters);
      return;
    }
  }
}

void mailbox_init(struct mailbox *mailbox, uv_loop_t *loop, mailbox_fn *open) {
  mailbox->open = open;
  mailbox->closed = false;
  mailbox->turn = NULL;
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

void mailbox_receive_all(struct mailbox *mailbox) {
  struct list letters, *letter;
  uv_mutex_lock(&mailbox->lock);
  list_move(&mailbox->letters, &letters);
  uv_mutex_unlock(&mailbox->lock);
  while ((letter = list_shift(&letters)))
    mailbox->open(mailbox, letter);
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
