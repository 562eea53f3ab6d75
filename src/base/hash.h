/* SPDX-License-Identifier: MIT
 * uthash, with short chains.
 *
 * As it comes a bucket may hold ten elements before there are more buckets:
 * with ten thousand users a look-up would walk over three or four of them on
 * average, each a miss of the processor's cache. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <uthash.h>

#undef HASH_BKT_CAPACITY_THRESH
#define HASH_BKT_CAPACITY_THRESH 3U

#endif
