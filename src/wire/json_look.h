/* SPDX-License-Identifier: MIT
 * What is seen of a value on the way over it. */
#ifndef WIRE_JSON_LOOK_H
#define WIRE_JSON_LOOK_H

#include "wire/json.h"

/* To begin with: {.once = true}. */
struct json_look {
  /* No object in it has a key twice, so that all who read it read the same,
   * whichever of two they would take. Also false where nobody looks closer:
   * in an object with more than 16 keys, and at a key with escapes. */
  bool once;
  int levels; /* of arrays and objects, those around the value included */
};

/* As json_skip_value, and notes in `look` what is seen. 0 or ERR_BAD_JSON. */
MUST_CHECK int json_look_over(struct json_scan *scan, int depth,
                              struct json_look *look);

#endif
