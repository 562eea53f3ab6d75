/* SPDX-License-Identifier: MIT
 * What went wrong, counted by name. */
#include "load/tally.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void tally_add(struct tally *tally, const char *fmt, ...) {
  char name[TALLY_NAME_BYTES];
  unsigned i = 0;
  va_list args;
  va_start(args, fmt);
  vsnprintf(name, sizeof name, fmt, args);
  va_end(args);
  while (i < tally->kinds && strcmp(tally->kind[i].name, name) != 0)
    i++;
  if (i == tally->kinds && i >= TALLY_KINDS - 1) {
    i = TALLY_KINDS - 1;
    strcpy(name, "other");
  }
  if (i == tally->kinds)
    strcpy(tally->kind[tally->kinds++].name, name);
  tally->kind[i].count++;
  tally->total++;
}
