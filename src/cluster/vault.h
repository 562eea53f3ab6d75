/* SPDX-License-Identifier: MIT
 * The store of scripts, kept in Redis.
 *
 * Each key is one key there, on the shard of its name. What is one command of
 * Redis is that; what is not is a script (lua/redis/store_*.lua). A call that
 * was not sent, or not answered, fails: nothing is tried twice, but for a
 * script that Redis has forgotten. */
#ifndef CLUSTER_VAULT_H
#define CLUSTER_VAULT_H

#include "cluster/state.h"

/* For engine_ask_store. */
struct engine_wait *ask_vault(struct engine *engine, int worker,
                              const struct far_call *wanted,
                              far_answered_fn *done, void *arg);

/* Tells the asker, on its thread. */
void vault_tell(struct engine_wait *wait);

/* Frees what the wait had of it. Accepts NULL. */
void vault_free(struct vault_call *call);

#endif
