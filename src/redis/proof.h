/* SPDX-License-Identifier: MIT
 * The proof that a link delivers: a message to itself, published by the one
 * connection and received by the other. */
#ifndef REDIS_PROOF_H
#define REDIS_PROOF_H

#include "redis/reply.h"

#include <stdbool.h>

struct link;

/* Makes the name of the channel. */
void proof_init(struct link *link, const char *prefix);

/* The subscriber is logged in, or the other one: when both are, the channel is
 * subscribed to. */
void proof_begin(struct link *link);

/* It is up, and `probe_ms` are over: looks for the last probe, and sends the
 * next one. */
void proof_next(struct link *link);

/* Whether the reply was of that channel; then it is dealt with. */
bool proof_pushed(struct link *link, const struct reply *reply);

#endif
