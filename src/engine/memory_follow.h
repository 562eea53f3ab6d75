/* SPDX-License-Identifier: MIT
 * An engine/memory whose messages got their numbers elsewhere.
 *
 * It is the copy, in this process, of rooms that several machines share. Eras
 * and numbers come from who has asked for it, engine/redis, in the order of
 * the numbers; from here they go to the workers, and reads are answered from
 * here, as of any engine/memory. Where its memory is used up a room keeps its
 * position, and nothing else. */
#ifndef ENGINE_MEMORY_FOLLOW_H
#define ENGINE_MEMORY_FOLLOW_H

#include "engine/memory.h"

/* {"room":…,"data":…} becomes {"room":…,"seq":N,"data":…}, as a frame of the
 * caller's. The number stands behind `number_at` bytes of the text. */
MUST_CHECK struct frame *memory_frame(const char *text, size_t len,
                                      size_t number_at, uint64_t seq);

/* As memory_new. engine_publish, engine_once and engine_forget are not for this
 * one, and the text of an era is its number. */
MUST_CHECK struct engine *memory_new_follower(struct bus *bus, int workers,
                                              size_t max_bytes);

/* A message from elsewhere; everything is borrowed. */
struct memory_message {
  const char *room;
  size_t room_len;
  const struct rule *rule;
  struct engine_position at;
  struct frame *frame;
  int64_t at_ms;   /* Unix time */
  const char *key; /* with `latest`; NULL is the empty one */
  size_t key_len;
  uint64_t except; /* the id of a connection here that is left out; 0: none */
  bool drop;
};

/* Keeps it, and posts it to the workers that are in the room. Its number is the
 * next one after the room's position. Returns a worker that was left out, or
 * -1. */
int memory_take(struct engine *engine, const struct memory_message *message);

/* Where a room is. */
struct memory_position {
  const char *room;
  size_t room_len;
  const struct rule *rule;
  struct engine_position at;
  bool whole; /* of what is older than the messages nothing is missing */
};

/* The room is there now, and nothing is known but these messages up to there,
 * in the order of their numbers. From now on it is known where it is, until
 * memory_release. Workers that are in it, at an earlier position, are told so.
 */
void memory_place(struct engine *engine, const struct memory_position *position,
                  const struct memory_message *messages, size_t count);

/* Where the room is does not matter any more. */
void memory_release(struct engine *engine, const char *room, size_t len);

#endif
