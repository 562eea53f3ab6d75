/* SPDX-License-Identifier: MIT
 * What the benchmark's clients say: Perigee's JSON, or the one-letter
 * commands of the baseline. Both make the server deliver the same bytes.
 *
 * All functions write a text to `out`, which has DIALECT_MAX bytes, and return
 * its length. `data` is a JSON value. */
#ifndef BENCH_DIALECT_H
#define BENCH_DIALECT_H

#include <stdbool.h>
#include <stddef.h>

enum { DIALECT_MAX = 16384 };

struct dialect {
  bool raw;           /* the baseline's */
  const char *secret; /* of the tokens, for HS256 */
};

/* Answered by a text that contains "auth_ok". */
size_t dialect_auth(const struct dialect *d, char *out, unsigned user);

/* Answered by a text that contains "reply". */
size_t dialect_join(const struct dialect *d, char *out, unsigned room);

size_t dialect_echo(const struct dialect *d, char *out, const char *data);

size_t dialect_room(const struct dialect *d, char *out, unsigned room,
                    unsigned from, const char *data);

size_t dialect_user(const struct dialect *d, char *out, unsigned to,
                    unsigned from, const char *data);

#endif
