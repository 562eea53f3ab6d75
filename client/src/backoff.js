// SPDX-License-Identifier: MIT
// How long to wait before the next attempt.

/**
 * Milliseconds before attempt number `attempt` (0 is the first retry): anything
 * between `min` and a ceiling that doubles from 2 * `min` up to `max`, evenly
 * spread, so that clients that lost the same server do not come back together.
 */
export function backoff(attempt, min, max, random) {
  const ceiling = Math.min(max, min * 2 ** Math.min(attempt + 1, 30));
  return min + random() * (ceiling - min);
}
