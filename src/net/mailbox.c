/* SPDX-License-Identifier: MIT
 * Letters between threads. */
#include "net/mailbox.h"

#include "base/log.h"
#include "net/turn.h"

#include <errno.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void wake_up(struct mailbox *mailbox) {
  static const uint64_t one = 1;
  while (write(mailbox->fd, &one, sizeof one) < 0 && errno == EINTR)
    ;
}

/* In front of what has come meanwhile; the rest is for the next turn. */
static void put_back(struct mailbox *mailbox, struct list *letters) {
  struct list *letter;
  uv_mutex_lock(&mailbox->lock);
  while ((letter = list_shift(&mailbox->letters)))
    list_push(letters, letter);
  list_move(letters, &mailbox->letters);
  bool closed = mailbox->closed;
  uv_mutex_unlock(&mailbox->lock);
  if (!closed)
    wake_up(mailbox);
}

static void on_wake(uv_poll_t *wake, int status, int events) {
  struct mailbox *mailbox = container_of(wake, struct mailbox, wake);
  struct list letters, *letter;
  uint64_t count;
  (void)status;
  (void)events;
  (void)!read(mailbox->fd, &count, sizeof count);
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
  atomic_init(&mailbox->posting, 0);
  list_init(&mailbox->letters);
  uv_mutex_init(&mailbox->lock);
  mailbox->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (mailbox->fd < 0 || uv_poll_init(loop, &mailbox->wake, mailbox->fd))
    log_fatal("no descriptor is left (raise `ulimit -n`)");
  uv_poll_start(&mailbox->wake, UV_READABLE, on_wake);
}

/* The receiver is woken for the first letter only, and not under the lock: it
 * may run at once, on this very core, and would wait for us. That it does not
 * free the mailbox meanwhile is what `posting` is for. */
bool mailbox_post_take(struct mailbox *mailbox, struct list *letter) {
  uv_mutex_lock(&mailbox->lock);
  bool taken = !mailbox->closed;
  bool first = taken && list_empty(&mailbox->letters);
  if (taken)
    list_push(&mailbox->letters, letter);
  if (first)
    atomic_fetch_add(&mailbox->posting, 1);
  uv_mutex_unlock(&mailbox->lock);
  if (!first)
    return taken;
  wake_up(mailbox);
  atomic_fetch_sub(&mailbox->posting, 1);
  return true;
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
  while (atomic_load(&mailbox->posting) > 0)
    sched_yield();
  close(mailbox->fd);
  uv_mutex_destroy(&mailbox->lock);
}
