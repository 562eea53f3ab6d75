/* SPDX-License-Identifier: MIT
 * Tokens whose key is being fetched. */
#include "protocol/keywait.h"

#include "auth/jwt.h"
#include "base/mem.h"
#include "protocol/client.h"

#include <string.h>

struct keywait {
  struct list waiting;
  unsigned count;
  struct refill_ear ear;
  bool open;
};

struct waiting_token {
  struct list node;
  uint64_t conn; /* it may be gone by then */
  keywait_fn *again;
  struct msg_id id;
  refill_ticket ticket;
  size_t len;
  char text[];
};

static void on_key_refill(uv_async_t *handle) {
  struct protocol *protocol = handle->data;
  struct list now, *node;
  list_move(&protocol->keywait->waiting, &now);
  protocol->keywait->count = 0;
  while ((node = list_shift(&now))) {
    struct waiting_token *waiting =
        container_of(node, struct waiting_token, node);
    struct conn *conn = manager_conn(&protocol->manager, waiting->conn);
    struct keywait_token token = {.id = &waiting->id,
                                  .text = waiting->text,
                                  .len = waiting->len,
                                  .ticket = waiting->ticket};
    if (conn)
      waiting->again(conn, &token);
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
  refill_listen(refill, &keywait->ear, protocol->loop, on_key_refill, protocol);
}

void keywait_close(struct protocol *protocol) {
  struct keywait *keywait = protocol->keywait;
  struct list *node;
  if (!keywait || !keywait->open)
    return;
  keywait->open = false;
  refill_stop(jwt_key_refill(protocol->host.key), &keywait->ear);
  while ((node = list_shift(&keywait->waiting)))
    mem_free(container_of(node, struct waiting_token, node));
}

static void keep_token(struct keywait *keywait, const struct conn *conn,
                       const struct keywait_token *token, refill_ticket ticket,
                       keywait_fn *again) {
  struct waiting_token *waiting = mem_alloc_raw(sizeof *waiting + token->len);
  waiting->conn = conn->id;
  waiting->again = again;
  waiting->id = *token->id;
  waiting->ticket = ticket;
  waiting->len = token->len;
  memcpy(waiting->text, token->text, token->len);
  list_init(&waiting->node);
  list_push(&keywait->waiting, &waiting->node);
  keywait->count++;
}

bool keywait_add(struct conn *conn, const struct keywait_token *token,
                 keywait_fn *again, uint64_t *later_ms) {
  struct protocol *protocol = protocol_of(conn);
  struct keywait *keywait = protocol->keywait;
  refill_ticket ticket = token->ticket;
  *later_ms = 0;
  if (!keywait || !keywait->open)
    return false;
  struct refill *refill = jwt_key_refill(protocol->host.key);
  enum refill_verdict verdict = refill_ask(refill, &ticket, later_ms);
  if (verdict != REFILL_WAIT)
    return false;
  if (keywait->count >= KEYWAIT_TOKENS) {
    *later_ms = REFILL_EVERY_MS;
    return false;
  }
  keep_token(keywait, conn, token, ticket, again);
  return true;
}
