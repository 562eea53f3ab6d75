/* SPDX-License-Identifier: MIT
 * What Redis has of this machine, and what it should have. */
#ifndef CLUSTER_REVISE_H
#define CLUSTER_REVISE_H

#include "cluster/state.h"

/* Places are there again. They may lead to another Redis than before, or to one
 * that has lost the newest of what it was told (a failover, a restart). Names
 * that somebody has here are read again by themselves. Others, of which Redis
 * has something of this machine, are followed for a while: what it should not
 * have is taken out. */
void revise_names(struct cluster *cluster);

#endif
