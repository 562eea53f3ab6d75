/* SPDX-License-Identifier: MIT
 * Tokens whose key is being fetched.
 *
 * They wait on their worker until the fetch has ended, which takes seconds at
 * most, and are then checked once more. There is a bound on how many wait. */
#ifndef PROTOCOL_KEYWAIT_H
#define PROTOCOL_KEYWAIT_H

#include "auth/refill.h"
#include "wire/msg_id.h"

struct conn;
struct protocol;

enum { KEYWAIT_TOKENS = 1000 };

struct keywait {
  struct list waiting;
  unsigned count;
  struct refill_ear ear;
  bool open;
};

/* On the worker's loop, if keys are fetched at all. */
void keywait_open(struct protocol *protocol);

/* Closes the handle; forgets those who wait. */
void keywait_close(struct protocol *protocol);

/* The token names a key that nobody has. Whether it waits now: then auth_again
 * is called for it. If not, it can be tried again after `*later_ms`; with 0
 * there the refusal is final. `ticket` is 0, or what auth_again was given. */
MUST_CHECK bool keywait_add(struct conn *conn, const struct msg_id *id,
                            const char *token, size_t len, refill_ticket ticket,
                            uint64_t *later_ms);

#endif
