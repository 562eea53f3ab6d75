/* SPDX-License-Identifier: MIT
 * Messages that wait for their handler. */
#include "protocol/inbox.h"

#include "base/mem.h"
#include "protocol/client.h"
#include "protocol/hold.h"

#include <string.h>

struct inbox_message {
  struct list node;
  size_t len;
  bool is_binary;
  char text[];
};

struct inbox {
  struct list messages;
  size_t count, bytes;
};

/* Something that calls inbox_go_on when it is over. */
static bool must_wait(const struct conn *conn) {
  return conn_is_busy(conn) || client_awaits(client_of(conn));
}

/* Queues the client's task if its messages wait, and for nothing but their
 * turn. */
static void take_turns(struct conn *conn) {
  struct client *client = client_of(conn);
  if (client->inbox && !must_wait(conn))
    turn_add(&protocol_of(conn)->host.turn, TURN_CLIENTS, &client->task);
}

void inbox_hold(struct conn *conn) {
  struct client *client = client_of(conn);
  if (client->inbox)
    return;
  client->inbox = mem_alloc(sizeof *client->inbox);
  list_init(&client->inbox->messages);
}

static void append_message(struct conn *conn, struct inbox_message *message) {
  inbox_hold(conn);
  struct inbox *inbox = client_of(conn)->inbox;
  list_push(&inbox->messages, &message->node);
  inbox->count++;
  inbox->bytes += message->len;
  if (inbox->count >= INBOX_MESSAGES || inbox->bytes >= INBOX_BYTES)
    hold_set(conn, HOLD_INBOX);
  take_turns(conn);
}

void inbox_push(struct conn *conn, const char *text, size_t len,
                bool is_binary) {
  struct inbox_message *message = mem_alloc_raw(sizeof *message + len);
  message->len = len;
  message->is_binary = is_binary;
  memcpy(message->text, text, len);
  list_init(&message->node);
  append_message(conn, message);
}

static struct inbox_message *inbox_shift(struct inbox *inbox) {
  struct list *node = list_shift(&inbox->messages);
  if (!node)
    return NULL;
  struct inbox_message *message =
      container_of(node, struct inbox_message, node);
  inbox->count--;
  inbox->bytes -= message->len;
  return message;
}

static void run_inbox(struct conn *conn, struct inbox *inbox) {
  struct protocol *protocol = protocol_of(conn);
  struct inbox_message *message;
  bool enough = false;
  while (!enough && !must_wait(conn) && (message = inbox_shift(inbox))) {
    protocol->handle_late(conn, message->text, message->len,
                          message->is_binary);
    mem_free(message);
    enough = turn_share_used(&protocol->host.turn, conn) ||
             client_of(conn)->news; /* which is told first */
  }
  if (inbox->count <= INBOX_MESSAGES / 2 && inbox->bytes <= INBOX_BYTES / 2)
    hold_clear(conn, HOLD_INBOX);
  if (inbox->count == 0 && !client_awaits(client_of(conn)))
    inbox_drop(conn);
}

void inbox_go_on(struct conn *conn) {
  struct inbox *inbox = client_of(conn)->inbox;
  if (inbox)
    run_inbox(conn, inbox);
  take_turns(conn);
}

void inbox_move(struct conn *from, struct conn *to) {
  struct inbox *inbox = client_of(from)->inbox;
  struct inbox_message *message;
  while (inbox && (message = inbox_shift(inbox)))
    append_message(to, message);
  inbox_drop(from);
}

void inbox_free(struct inbox *inbox) {
  struct inbox_message *message;
  while (inbox && (message = inbox_shift(inbox)))
    mem_free(message);
  mem_free(inbox);
}

void inbox_drop(struct conn *conn) {
  struct client *client = client_of(conn);
  struct inbox *inbox = client->inbox;
  if (!inbox)
    return;
  hold_clear(conn, HOLD_INBOX);
  if (!client->news && !client_awaits(client)) /* else it is their task, too */
    list_remove(&client->task.node);
  client->inbox = NULL;
  inbox_free(inbox);
}
