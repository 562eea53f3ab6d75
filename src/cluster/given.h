/* SPDX-License-Identifier: MIT
 * What Redis has acknowledged of rooms with numbers, and nobody here has heard:
 * a failover may lose it. */
#ifndef CLUSTER_GIVEN_H
#define CLUSTER_GIVEN_H

#include "cluster/state.h"

struct numbers;
struct kept_record;

/* The last publication of a room that was acknowledged, or only where Redis
 * was. */
struct given {
  struct engine_position at; /* an era of 0: nothing */
  bool is_record;            /* it is known what stands there: */
  uint64_t print, key;       /* hashes of the record, and of its key */
};

/* A hash of it, for what is compared later. */
uint64_t given_print(struct slice bytes);

/* What is given for this record. */
struct given given_record(struct slice bytes, struct slice key,
                          struct engine_position at);

/* Redis has answered so. Answers of one room come in the order in which they
 * were given. */
void given_note(struct cluster *cluster, const char *room, size_t len,
                const struct given *given);

/* Whether Redis, being there now, has lost something of it. */
bool given_is_past(const struct numbers *numbers, struct engine_position there);

/* The same, where these records are what is kept there. */
bool given_is_lost(const struct numbers *numbers,
                   const struct kept_record *records, size_t count,
                   struct engine_position there);

/* The latest era of it. */
uint64_t given_era(const struct numbers *numbers);

/* All of it was found. */
void given_found(struct numbers *numbers);

/* The room is followed, and not any more; the connection is lost. */
void given_begin(struct numbers *numbers);
void given_end(struct numbers *numbers);
void given_down(struct numbers *numbers);

/* Rooms that are not followed: places are not there any more. */
void given_places_down(struct cluster *cluster);

/* Places are there again, or a second has gone by. */
void given_look(struct cluster *cluster);

void given_free(struct cluster *cluster);

#endif
