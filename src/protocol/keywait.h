/* SPDX-License-Identifier: MIT
 * Tokens whose key is being fetched.
 *
 * They wait on their worker until the fetch has ended, which takes seconds at
 * most. Then they are checked once more. At most KEYWAIT_TOKENS wait. */
#ifndef PROTOCOL_KEYWAIT_H
#define PROTOCOL_KEYWAIT_H

#include "auth/refill.h"
#include "wire/msg_id.h"

struct conn;
struct protocol;

enum { KEYWAIT_TOKENS = 1000 };

/* On the worker's loop, if keys are fetched at all. */
void keywait_open(struct protocol *protocol);

/* Closes the handle; forgets those who wait. protocol_free frees the rest. */
void keywait_close(struct protocol *protocol);

/* A token; all of it is borrowed. */
struct keywait_token {
  const struct msg_id *id; /* of its message */
  const char *text;
  size_t len;
  refill_ticket ticket; /* 0, or what `again` was given */
};

typedef void keywait_fn(struct conn *conn, const struct keywait_token *token);

/* The token names a key that nobody has. Returns whether it waits now: then
 * `again` is called for it when the fetch has ended, if the connection is still
 * open. If it does not wait, it can be tried again after `*later_ms`; with 0
 * there the refusal is final. */
MUST_CHECK bool keywait_add(struct conn *conn,
                            const struct keywait_token *token,
                            keywait_fn *again, uint64_t *later_ms);

#endif
