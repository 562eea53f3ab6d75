/* SPDX-License-Identifier: MIT
 * "Did you mean": the known name that is nearest to a mistyped one. */
#include "config/suggest.h"

#include <stdint.h>
#include <string.h>

enum { NAME_CAP = 64 };

static size_t min3(size_t a, size_t b, size_t c) {
  size_t least = a < b ? a : b;
  return least < c ? least : c;
}

/* Damerau-Levenshtein, restricted (a swapped pair is not edited again). Three
 * rows of the matrix are enough. */
size_t suggest_distance(const char *a, const char *b) {
  size_t rows[3][NAME_CAP];
  size_t *before = rows[0], *last = rows[1], *row = rows[2];
  size_t n = strlen(a), m = strlen(b);
  if (n >= NAME_CAP || m >= NAME_CAP)
    return SIZE_MAX;
  for (size_t j = 0; j <= m; j++)
    last[j] = j;
  for (size_t i = 1; i <= n; i++) {
    row[0] = i;
    for (size_t j = 1; j <= m; j++) {
      size_t cost = a[i - 1] != b[j - 1];
      row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
          before[j - 2] + 1 < row[j])
        row[j] = before[j - 2] + 1;
    }
    size_t *oldest = before;
    before = last;
    last = row;
    row = oldest;
  }
  return last[m];
}

/* `burst` for `limits.burst`: the section was forgotten. */
static int is_last_part(const char *typed, const char *known) {
  const char *dot = strrchr(known, '.');
  return dot && strcmp(dot + 1, typed) == 0;
}

void suggest_try(struct suggest *suggest, const char *known) {
  size_t len = strlen(suggest->typed);
  size_t most = len / 3 < 1 ? 1 : len / 3;
  size_t distance = is_last_part(suggest->typed, known)
                        ? 1
                        : suggest_distance(suggest->typed, known);
  if (distance > most || (suggest->best && distance >= suggest->distance))
    return;
  suggest->best = known;
  suggest->distance = distance;
}
