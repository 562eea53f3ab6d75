/* SPDX-License-Identifier: MIT
 * Says of users that they have come or gone, once each: a machine claims that
 * in Redis (lua/redis/ledger_put.lua), says it, and acknowledges it there
 * (ledger_ack.lua); nobody claims the next one of that user before.
 *
 * The answer that a claim was granted may be lost: who asks once more has it
 * again. That it was acknowledged may be lost: what was said is known here
 * until that is certain, and is not said again. */
#ifndef CLUSTER_HERALD_H
#define CLUSTER_HERALD_H

#include "cluster/state.h"

/* The claim is this machine's: says it, if it was not said yet, and
 * acknowledges it. */
void herald_say(struct cluster *cluster, const char *user, struct slice claim);

/* Whether all that was said of the user is acknowledged, or on its way: what is
 * sent to Redis from now on is done after it. */
MUST_CHECK bool herald_has_told(struct cluster *cluster, const char *user);

/* Whether it is known that all of it is. */
bool herald_is_even(const struct cluster *cluster, const char *user);

/* Acknowledges what could not be. To be called when places are there, and each
 * second. */
void herald_tell(struct cluster *cluster);

void herald_free(struct cluster *cluster);

#endif
