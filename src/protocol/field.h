/* SPDX-License-Identifier: MIT
 * Reads a member of a message's `data` without entering Lua, for the built-in
 * types. */
#ifndef PROTOCOL_FIELD_H
#define PROTOCOL_FIELD_H

#include "protocol/envelope.h"

#include <stdbool.h>

/* A member of the object `data`, as it stands in the text. Of a key that comes
 * twice it is the last. False if data is no object or has no such key. */
bool field_find(const struct envelope *env, const char *key, const char **value,
                size_t *len);

/* A member that is a string, unescaped and zero-terminated, into `out` of
 * `cap` bytes. False if it is missing, not a string, or does not fit. `*len`
 * is its length: it may have zeros inside. */
bool field_string(const struct envelope *env, const char *key, char *out,
                  size_t cap, size_t *len);

#endif
