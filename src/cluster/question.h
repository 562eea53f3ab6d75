/* SPDX-License-Identifier: MIT
 * Questions to other machines: who is in a room, which connections a user has,
 * which users and rooms there are.
 *
 * Nothing is kept for that: a question goes to those who follow the name, and
 * Redis says how many these are. When all of them have answered, the question
 * is; when one does not, it fails. So who subscribes to such a channel by hand
 * is taken for a machine that does not answer; but not who listens to a
 * pattern. */
#ifndef CLUSTER_QUESTION_H
#define CLUSTER_QUESTION_H

#include "cluster/state.h"

/* For engine_ask. */
struct engine_wait *ask_others(struct engine *engine, int worker,
                               enum engine_subject subject, const char *name,
                               size_t len, engine_news_fn *done, void *arg);

/* A message of a channel: a question, or an answer. False: it is neither. */
bool question_heard(struct name *name, struct slice payload);

/* Ends those whose time is over. */
void question_tick(struct cluster *cluster);

/* Tells the asker, on its thread. */
void question_tell(struct engine_wait *wait);

/* Frees what the wait had of one. */
void question_free(struct question *question);

#endif
