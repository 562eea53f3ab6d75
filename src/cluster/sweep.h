/* SPDX-License-Identifier: MIT
 * Cleaning up after a machine. */
#ifndef CLUSTER_SWEEP_H
#define CLUSTER_SWEEP_H

#include "cluster/state.h"

/* Deletes from Redis what the machine had; then calls `done`, unless Redis is
 * lost: then it must be done again. Says of its users who is nowhere else that
 * they are offline. */
void sweep_machine(struct cluster *cluster, const char *life,
                   void (*done)(struct cluster *cluster, const char *life));

/* In a cluster, that the machine, which is gone, has something of the name
 * still: the place that had known of it has lost its memory. It is cleaned up
 * after once more. */
void sweep_put_back(const struct name *name, const char *life);

#endif
