/* SPDX-License-Identifier: MIT
 * The members of a JSON object that somebody else has written.
 *
 * We read a few of them; the others must not matter, also where our own reader
 * would not take them: numbers beyond a double, thousands of levels, halves of
 * surrogate pairs, the same name twice. They must be JSON, that is all. */
#ifndef AUTH_MEMBERS_H
#define AUTH_MEMBERS_H

#include "base/attr.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct member {
  const char *name;  /* wanted, as it is after unescaping; NULL: not wanted */
  unsigned seen;     /* how often it comes */
  const char *value; /* of the last one, in the text */
  size_t len;
  bool readable; /* wire/json takes the value */
};

/* Looks for `count` members of the object that is the whole text; fills all but
 * their names. `*odd` (may be NULL): whether there are members that wire/json
 * does not take. False when the text is no JSON object in UTF-8. */
MUST_CHECK bool members_find(const char *json, size_t len,
                             struct member *wanted, size_t count, bool *odd);

/* Appends the object without members that wire/json does not take; members_find
 * was content with it. */
void members_put_readable(const char *json, size_t len, struct buf *out);

/* A member that is a text: its length, unescaped and zero-terminated in `out`;
 * -1 when it is none, or longer than `cap` - 1 bytes. It may have zeros. */
MUST_CHECK int member_text(const struct member *member, char *out, size_t cap);

/* Whether a value is exactly that text. */
bool member_is_text(const struct member *member, const char *text);

#endif
