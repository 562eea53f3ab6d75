/* SPDX-License-Identifier: MIT
 * The members of a JSON object that somebody else has written.
 *
 * We read a few of them. The others must be JSON, and nothing else about them
 * may matter, even what wire/json would refuse: numbers beyond a double,
 * thousands of levels, halves of surrogate pairs, the same name twice. */
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

/* Looks for `count` members in the object that is the whole text, and fills all
 * but their names. `*odd` (`odd` may be NULL) tells whether the object has
 * members that wire/json does not take. Returns false when the text is no JSON
 * object in UTF-8. */
MUST_CHECK bool members_find(const char *json, size_t len,
                             struct member *wanted, size_t count, bool *odd);

/* Appends the object without the members that wire/json does not take. Call
 * members_find first: only what it accepts may come here. */
void members_put_readable(const char *json, size_t len, struct buf *out);

/* Writes a member that is a text into `out`, unescaped and with a zero behind
 * it. Returns its length, or -1 when it is no text or longer than `cap` - 1
 * bytes. The text itself may have zeros. */
MUST_CHECK int member_text(const struct member *member, char *out, size_t cap);

/* Whether a value is exactly that text. */
bool member_is_text(const struct member *member, const char *text);

#endif
