/* SPDX-License-Identifier: MIT
 * "Did you mean": the known name that is nearest to a mistyped one. */
#ifndef CONFIG_SUGGEST_H
#define CONFIG_SUGGEST_H

#include <stddef.h>

/* Remembers the nearest of the names it was shown. Everything but `typed`
 * begins as zero. */
struct suggest {
  const char *typed;
  const char *best; /* borrowed from the caller; NULL: nothing is near */
  size_t distance;  /* of `best` */
};

/* Considers one known name, which must live as long as `suggest`. */
void suggest_try(struct suggest *suggest, const char *known);

/* Returns how many edits (insert, delete, replace, swap of neighbours) make `a`
 * into `b`. A text of more than 63 bytes is nobody's typing mistake: SIZE_MAX.
 */
size_t suggest_distance(const char *a, const char *b);

#endif
