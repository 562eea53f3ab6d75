/* SPDX-License-Identifier: MIT
 * What scripts have declared about rooms, with `["@rooms"]`.
 *
 * A rule is for the room of a name, or for all rooms whose names begin with a
 * text. The longest that fits is the rule of a room; rooms that none fits have
 * none, and cost what they cost where nothing is declared.
 *
 * lua/perigee/rooms.lua checks what scripts write. A table of rules is filled
 * once, by script/generation, and does not change afterwards. It is counted:
 * the engine looks at it from other threads, also when its generation is gone.
 */
#ifndef ENGINE_RULES_H
#define ENGINE_RULES_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rule_presence { RULE_NO_PRESENCE, RULE_PRESENCE, RULE_PRESENCE_COUNT };

struct rule {
  /* Its messages have numbers, and a history. So it is where `history`,
   * `latest` or `resync` was declared. Else the bounds are 0. */
  bool numbered;
  bool latest; /* of messages with the same key only the newest is kept */
  bool resync; /* who is behind is told to ask, and not closed */
  enum rule_presence presence;
  bool local_when_down; /* while other machines are out of reach, messages go to
                         * members here, without numbers */

  /* What is kept. */
  uint32_t messages; /* 0: nothing */
  uint64_t keep_ms;  /* 0: as long as there is room for it */
  size_t bytes;      /* of frames */
};

/* A `messages` that bounds nothing. */
#define RULE_ANY_NUMBER UINT32_MAX

struct rules;

/* Makes an empty table, which the caller holds. */
MUST_CHECK struct rules *rules_new(void);

/* Adds a rule; `name` ends in '*' if it is a beginning. No name comes twice. */
void rules_add(struct rules *rules, const char *name, const struct rule *rule);

/* How many there are. */
uint32_t rules_count(const struct rules *rules);

/* The rule of the room of that name, or NULL. It lives as long as the table,
 * which may be NULL. */
const struct rule *rules_find(const struct rules *rules, const char *room,
                              size_t len);

/* Adds a holder, and returns the table. NULL gives NULL. */
struct rules *rules_ref(struct rules *rules);

/* Takes a holder away, on any thread. Accepts NULL. */
void rules_unref(struct rules *rules);

#endif
