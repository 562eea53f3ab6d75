/* SPDX-License-Identifier: MIT
 * The text of the option `api.keys`: who may use the HTTP API, for what.
 *
 *   shop:send+read:KEY,ops:KEY
 *
 * An entry is a name, the groups of calls that it may make (all of them where
 * none are named), and a key. The configuration file writes it as a table, see
 * config/file. */
#ifndef CONFIG_API_KEYS_H
#define CONFIG_API_KEYS_H

#include "base/attr.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* X(NAME, word): the groups of calls. */
#define API_GROUPS(X)                                                          \
  X(SEND, "send")                                                              \
  X(READ, "read")                                                              \
  X(CLOSE, "close")                                                            \
  X(CALL, "call")                                                              \
  X(ADMIN, "admin")

enum api_group_index {
#define API_GROUP_INDEX(name, word) API_GROUP_AT_##name,
  API_GROUPS(API_GROUP_INDEX)
#undef API_GROUP_INDEX
      API_GROUP_COUNT
};

/* A set of them. */
enum api_group {
#define API_GROUP_BIT(name, word) API_##name = 1 << API_GROUP_AT_##name,
  API_GROUPS(API_GROUP_BIT)
#undef API_GROUP_BIT
      API_GROUPS_ALL = (1 << API_GROUP_COUNT) - 1
};

enum { API_KEY_NAME_BYTES = 32, API_KEY_BYTES_MIN = 32 };

struct api_key_entry {
  const char *name, *key; /* in the text that was read; no zero behind */
  size_t name_len, key_len;
  unsigned groups; /* enum api_group */
};

/* The word of a group; `group` is one of them. */
const char *api_group_word(enum api_group group);

/* Reads the entry at `*at` and moves `*at` behind it. Returns false at the end
 * of the text; or when the entry is none, and then `*fault` says why (else it
 * is NULL). No text of a fault has anything of a key in it. */
MUST_CHECK bool api_keys_next(const char **at, struct api_key_entry *entry,
                              const char **fault);

/* Appends the names and what they may do, without the keys. */
void api_keys_print(const char *text, struct buf *out);

/* Appends a line to `errors`, which begins with "api.keys: ", for each entry
 * that is wrong: its form, its key is too short, its name or key stands
 * twice. */
void api_keys_check(const char *text, struct buf *errors);

/* Whether all bytes of a key can stand in `Authorization: Bearer` (RFC 6750,
 * 2.1). */
bool api_key_bytes_ok(const char *key, size_t len);

#endif
