/* SPDX-License-Identifier: MIT
 * What is seen of a value on the way over it. */
#ifndef WIRE_JSON_LOOK_H
#define WIRE_JSON_LOOK_H

#include "wire/json.h"

/* Arrays and objects whose sizes are noted. */
enum { JSON_LOOK_SIZES = 13 };

/* To begin with: {.once = true}. */
struct json_look {
  /* No object in it has a key twice, so that all who read it read the same,
   * whichever of two they would take. Also false where nobody looks closer:
   * in an object with more than 16 keys, and at a key with escapes. */
  bool once;
  uint8_t levels; /* of arrays and objects, those around the value included */
  /* How many items or members the first of them have, in the order in which
   * they begin; 255: so many, or more. */
  uint8_t size_count, sizes[JSON_LOOK_SIZES];
};

/* As json_skip_value, and notes in `look` what is seen. 0 or ERR_BAD_JSON. */
MUST_CHECK int json_look_over(struct json_scan *scan, int depth,
                              struct json_look *look);

#endif
