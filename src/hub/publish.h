/* SPDX-License-Identifier: MIT
 * The only way out: to a user, a room, everyone, wherever they are.
 *
 * This is the step before hub/delivery: it decides who else must hear of a
 * message, and in which order it comes among others. It hands the frame to the
 * connections of this worker at once, and posts it to each other worker that
 * has a receiver (engine/bus). So the messages of one worker keep their order
 * everywhere; those of two workers to one room need not have a common one.
 *
 * The messages of a numbered room have one order for everybody: the engine
 * gives the number, and posts to the workers. Only if this worker has delivered
 * all that came before, it delivers at once; else it gets a letter, too. That
 * is why such a message comes here as a text: the number is in the frame.
 *
 * Each function returns the number of connections that the frame was queued
 * for. Those of other workers are counted as whereabouts knows them at this
 * moment, as if none of them was behind or about to close. */
#ifndef HUB_PUBLISH_H
#define HUB_PUBLISH_H

#include "hub/delivery.h"

uint32_t publish_to_user(struct manager *manager, const char *id, size_t len,
                         struct frame *frame, struct delivery_opts opts);

/* A message to a room that may be numbered and kept. */
struct publish_message {
  const char *room;
  size_t room_len;
  const char
      *text; /* JSON; its number goes behind its first `number_at` bytes */
  size_t len, number_at;
  const char *key; /* of what `latest` keeps; NULL: none */
  size_t key_len;
  const char *id; /* it is published once only; NULL: always */
  size_t id_len;
  engine_confirmed_fn *done; /* see engine_publication */
  void *arg;
  bool fleeting; /* for those who are there now: it has no number */
};

struct publish_result {
  uint32_t receivers; /* as the other functions count them */
  uint64_t seq;       /* its number; 0: it has none */
  int err;            /* 0; ERR_UNAVAILABLE: the engine could not take it */
  struct engine_wait *wait; /* `done` is called; NULL: it is not */
};

/* Frames and publishes the message. With an id that is known, nothing happens,
 * and `seq` is the number that the first one had. */
struct publish_result publish_message(struct manager *manager,
                                      const struct publish_message *message,
                                      struct delivery_opts opts);

/* To every connection that has logged in. */
uint32_t publish_to_all(struct manager *manager, struct frame *frame,
                        struct delivery_opts opts);

/* Closes every connection of a user with that code; returns how many. `reason`
 * NULL is that of the code. */
uint32_t publish_close_user(struct manager *manager, const char *id, size_t len,
                            int code, const char *reason);

/* Closes the connections of its user that had logged in before `conn` has. Of
 * two that log in on two workers at the same moment one stays: whereabouts says
 * which came first. */
void publish_close_older(struct manager *manager, const struct conn *conn,
                         int code);

/* The letter to each other worker that has a receiver; returns how many
 * receivers they have. Nothing if there are no other workers. */
uint32_t publish_letter(struct manager *manager,
                        const struct bus_letter *letter);

/* What another worker has published for the connections that are here. Only
 * BUS_SEND and BUS_CLOSE; what has a number is for numbered_receive. */
void publish_receive(struct manager *manager, const struct bus_letter *letter);

#endif
