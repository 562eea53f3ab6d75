/* SPDX-License-Identifier: MIT
 * uthash, with short chains.
 *
 * As it comes a bucket may hold nine elements before there are more buckets:
 * with ten thousand users a look-up walks over three or four of them, each a
 * miss of the processor's cache. With five it is one or two, and there are
 * about as many buckets as elements; with fewer there would be many times
 * that. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <uthash.h>

#undef HASH_BKT_CAPACITY_THRESH
#define HASH_BKT_CAPACITY_THRESH 6U

#endif
