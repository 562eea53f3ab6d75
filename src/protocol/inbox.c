/* SPDX-License-Identifier: MIT
 * Messages that wait for their handler. */
#include "protocol/inbox.h"

#include "base/mem.h"
#include "protocol/protocol.h"

#include <string.h>

struct message {
  struct list node;
  size_t len;
  bool is_binary;
  char text[];
};

struct inbox {
  struct list messages;
  size_t count, bytes;
  bool paused; /* the socket is not read */
};

static void pause_reading(struct conn *conn, bool paused) {
  conn->inbox->paused = paused;
  conn->io->pause(conn, paused);
}

void inbox_hold(struct conn *conn) {
  if (conn->inbox)
    return;
  conn->inbox = mem_alloc(sizeof *conn->inbox);
  list_init(&conn->inbox->messages);
}

void inbox_push(struct conn *conn, const char *text, size_t len,
                bool is_binary) {
  struct message *message = mem_alloc_raw(sizeof *message + len);
  inbox_hold(conn);
  struct inbox *inbox = conn->inbox;
  message->len = len;
  message->is_binary = is_binary;
  memcpy(message->text, text, len);
  list_init(&message->node);
  list_push(&inbox->messages, &message->node);
  inbox->count++;
  inbox->bytes += len;
  if (!inbox->paused &&
      (inbox->count >= INBOX_MESSAGES || inbox->bytes >= INBOX_BYTES))
    pause_reading(conn, true);
}

static struct message *shift(struct inbox *inbox) {
  struct list *node = list_shift(&inbox->messages);
  if (!node)
    return NULL;
  struct message *message = container_of(node, struct message, node);
  inbox->count--;
  inbox->bytes -= message->len;
  return message;
}

void inbox_run(struct conn *conn, inbox_fn *handle) {
  struct message *message;
  struct inbox *inbox = conn->inbox;
  bool enough = false;
  while (inbox && !enough && !conn_is_busy(conn) && (message = shift(inbox))) {
    handle(conn, message->text, message->len, message->is_binary);
    mem_free(message);
    enough = turn_share_used(&protocol_of(conn)->host.turn, conn,
                             uv_now(conn->timer.loop));
  }
  if (!inbox)
    return;
  if (inbox->paused && inbox->count <= INBOX_MESSAGES / 2 &&
      inbox->bytes <= INBOX_BYTES / 2)
    pause_reading(conn, false);
  if (inbox->count == 0)
    inbox_drop(conn);
}

bool inbox_is_full(const struct conn *conn) {
  return conn->inbox && conn->inbox->paused;
}

void inbox_drop(struct conn *conn) {
  struct message *message;
  struct inbox *inbox = conn->inbox;
  if (!inbox)
    return;
  while ((message = shift(inbox)))
    mem_free(message);
  if (inbox->paused)
    pause_reading(conn, false);
  list_remove(&conn->task.node);
  conn->inbox = NULL;
  mem_free(inbox);
}
