/* SPDX-License-Identifier: MIT
 * Tokens whose key is being fetched. */
#include "protocol/keywait.h"

#include "auth/jwt.h"
#include "base/mem.h"
#include "protocol/auth.h"
#include "protocol/inbox.h"
#include "protocol/protocol.h"

#include <string.h>

struct waiting {
  struct list node;
  uint64_t conn; /* it may be gone by then */
  struct msg_id id;
  refill_ticket ticket;
  size_t len;
  char token[];
};

static void on_fetched(uv_async_t *handle) {
  struct protocol *protocol = handle->data;
  struct list now, *node;
  list_move(&protocol->keywait->waiting, &now);
  protocol->keywait->count = 0;
  while ((node = list_shift(&now))) {
    struct waiting *waiting = container_of(node, struct waiting, node);
    struct conn *conn = manager_conn(&protocol->manager, waiting->conn);
    if (conn) {
      client_of(conn)->awaits_key = false;
      auth_again(conn, &waiting->id, waiting->token, waiting->len,
                 waiting->ticket);
    }
    mem_free(waiting);
  }
}

void keywait_open(struct protocol *protocol) {
  struct refill *refill = jwt_key_refill(protocol->host.key);
  if (!refill)
    return;
  struct keywait *keywait = mem_alloc(sizeof *keywait);
  protocol->keywait = keywait;
  list_init(&keywait->waiting);
  keywait->open = true;
  refill_listen(refill, &keywait->ear, protocol->loop, on_fetched, protocol);
}

void keywait_close(struct protocol *protocol) {
  struct keywait *keywait = protocol->keywait;
  struct list *node;
  if (!keywait || !keywait->open)
    return;
  keywait->open = false;
  refill_stop(jwt_key_refill(protocol->host.key), &keywait->ear);
  while ((node = list_shift(&keywait->waiting)))
    mem_free(container_of(node, struct waiting, node));
}

static void add(struct keywait *keywait, struct conn *conn,
                const struct msg_id *id, const char *token, size_t len,
                refill_ticket ticket) {
  struct waiting *waiting = mem_alloc_raw(sizeof *waiting + len);
  waiting->conn = conn->id;
  waiting->id = *id;
  waiting->ticket = ticket;
  waiting->len = len;
  memcpy(waiting->token, token, len);
  list_init(&waiting->node);
  list_push(&keywait->waiting, &waiting->node);
  keywait->count++;
  if (conn->state == CONN_NEW) {
    client_of(conn)->awaits_key = true;
    inbox_hold(conn);
  }
}

bool keywait_add(struct conn *conn, const struct msg_id *id, const char *token,
                 size_t len, refill_ticket ticket, uint64_t *later_ms) {
  struct protocol *protocol = protocol_of(conn);
  struct keywait *keywait = protocol->keywait;
  struct refill *refill = jwt_key_refill(protocol->host.key);
  *later_ms = 0;
  if (!keywait || !keywait->open)
    return false;
  enum refill_verdict verdict = refill_ask(refill, &ticket, later_ms);
  if (verdict != REFILL_WAIT)
    return false;
  if (keywait->count >= KEYWAIT_TOKENS) {
    *later_ms = REFILL_EVERY_MS;
    return false;
  }
  add(keywait, conn, id, token, len, ticket);
  return true;
}
