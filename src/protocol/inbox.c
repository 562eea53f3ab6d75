/* SPDX-License-Identifier: MIT
 * Messages that wait for their handler. */
#include "protocol/inbox.h"

#include "base/mem.h"
#include "protocol/hold.h"
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
};

void inbox_hold(struct conn *conn) {
  struct client *client = client_of(conn);
  if (client->inbox)
    return;
  client->inbox = mem_alloc(sizeof *client->inbox);
  list_init(&client->inbox->messages);
}

void inbox_push(struct conn *conn, const char *text, size_t len,
                bool is_binary) {
  struct message *message = mem_alloc_raw(sizeof *message + len);
  inbox_hold(conn);
  struct inbox *inbox = client_of(conn)->inbox;
  message->len = len;
  message->is_binary = is_binary;
  memcpy(message->text, text, len);
  list_init(&message->node);
  list_push(&inbox->messages, &message->node);
  inbox->count++;
  inbox->bytes += len;
  if (inbox->count >= INBOX_MESSAGES || inbox->bytes >= INBOX_BYTES)
    hold_set(conn, HOLD_INBOX);
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
  struct inbox *inbox = client_of(conn)->inbox;
  bool enough = false;
  while (inbox && !enough && !conn_is_busy(conn) && (message = shift(inbox))) {
    handle(conn, message->text, message->len, message->is_binary);
    mem_free(message);
    enough = turn_share_used(&protocol_of(conn)->host.turn, conn);
  }
  if (!inbox)
    return;
  if (inbox->count <= INBOX_MESSAGES / 2 && inbox->bytes <= INBOX_BYTES / 2)
    hold_clear(conn, HOLD_INBOX);
  if (inbox->count == 0)
    inbox_drop(conn);
}

void inbox_drop(struct conn *conn) {
  struct client *client = client_of(conn);
  struct message *message;
  struct inbox *inbox = client->inbox;
  if (!inbox)
    return;
  while ((message = shift(inbox)))
    mem_free(message);
  hold_clear(conn, HOLD_INBOX);
  list_remove(&client->task.node);
  client->inbox = NULL;
  mem_free(inbox);
}
