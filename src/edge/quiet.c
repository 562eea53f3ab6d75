/* SPDX-License-Identifier: MIT
 * Log lines that do not repeat themselves. */
#include "edge/quiet.h"

#include <stddef.h>

/* FNV-1a. Who finds a collision has kept a line of their own back. */
static uint64_t hash_of(const char *text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (; *text; text++)
    hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
  return hash ? hash : 1;
}

bool quiet_may_say(struct quiet *quiet, const char *kind, uint64_t now_ms,
                   unsigned *kept) {
  uint64_t hash = hash_of(kind);
  size_t place = QUIET_KINDS;
  *kept = 0;
  for (size_t i = 0; i < QUIET_KINDS; i++) {
    bool old =
        !quiet->kinds[i].hash || now_ms - quiet->kinds[i].said_ms >= QUIET_MS;
    if (quiet->kinds[i].hash == hash) {
      place = i;
      *kept = quiet->kinds[i].kept;
      quiet->kinds[i].kept++;
      if (!old)
        return false;
      break;
    }
    if (old && place == QUIET_KINDS)
      place = i;
  }
  if (place == QUIET_KINDS)
    return false; /* too many kinds this minute */
  quiet->kinds[place].hash = hash;
  quiet->kinds[place].said_ms = now_ms;
  quiet->kinds[place].kept = 0;
  return true;
}
