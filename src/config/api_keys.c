/* SPDX-License-Identifier: MIT
 * The text of the option `api.keys`. */
#include "config/api_keys.h"

#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static const char *const words[] = {
#define API_GROUP_WORD(name, word) word,
    API_GROUPS(API_GROUP_WORD)
#undef API_GROUP_WORD
};

const char *api_group_word(enum api_group group) {
  for (size_t i = 0; i < API_GROUP_COUNT; i++)
    if ((unsigned)group == 1U << i)
      return words[i];
  return "";
}

bool api_key_bytes_ok(const char *key, size_t len) {
  static const char bytes[] = LETTERS "-._~+/";
  while (len > 0 && key[len - 1] == '=')
    len--;
  for (size_t i = 0; i < len; i++)
    if (!key[i] || !strchr(bytes, key[i]))
      return false;
  return len > 0;
}

/* The groups "send+read"; 0 if a word is none. */
static unsigned read_groups(const char *text, size_t len) {
  unsigned groups = 0;
  while (len > 0) {
    const char *plus = memchr(text, '+', len);
    size_t n = plus ? (size_t)(plus - text) : len, i = 0;
    while (i < API_GROUP_COUNT &&
           (strlen(words[i]) != n || memcmp(words[i], text, n) != 0))
      i++;
    if (i == API_GROUP_COUNT)
      return 0;
    groups |= 1U << i;
    text += n + (plus != NULL);
    len -= n + (plus != NULL);
  }
  return groups;
}

static const char *read_key_entry(const char *text, size_t len,
                                  struct api_key_entry *entry) {
  const char *end = text + len;
  size_t name = strspn(text, LETTERS "_-");
  *entry = (struct api_key_entry){
      .name = text, .name_len = name, .groups = API_GROUPS_ALL};
  if (name == 0 || name > API_KEY_NAME_BYTES || text[name] != ':')
    return "an entry is `name:key` or `name:send+read:key`; a name has 1 to 32 "
           "of a-z A-Z 0-9 _ -";
  const char *key = text + name + 1;
  const char *colon = memchr(key, ':', (size_t)(end - key));
  if (colon) {
    entry->groups = read_groups(key, (size_t)(colon - key));
    key = colon + 1;
  }
  entry->key = key;
  entry->key_len = (size_t)(end - key);
  if (!entry->groups)
    return "the groups are send, read, close, call, admin";
  if (!api_key_bytes_ok(key, entry->key_len))
    return "a key is made of a-z A-Z 0-9 - . _ ~ + / and = at its end";
  return NULL;
}

bool api_keys_next(const char **at, struct api_key_entry *entry,
                   const char **fault) {
  const char *text = *at + strspn(*at, ", \t");
  size_t len = strcspn(text, ", \t");
  *at = text + len;
  *fault = NULL;
  if (len == 0)
    return false;
  *fault = read_key_entry(text, len, entry);
  return !*fault;
}

void api_keys_print(const char *text, struct buf *out) {
  struct api_key_entry entry;
  const char *fault, *comma = "";
  for (; api_keys_next(&text, &entry, &fault); comma = ",") {
    const char *between = ":";
    buf_puts(out, comma);
    buf_put(out, entry.name, entry.name_len);
    for (size_t i = 0; i < API_GROUP_COUNT; i++)
      if (entry.groups & 1U << i) {
        buf_printf(out, "%s%s", between, words[i]);
        between = "+";
      }
    buf_printf(out, ":(set, %zu bytes)", entry.key_len);
  }
}

/* Whether an entry before `until` has this name or this key. */
static const char *find_repeat(const char *text,
                               const struct api_key_entry *entry) {
  struct api_key_entry other;
  const char *fault;
  while (api_keys_next(&text, &other, &fault) && other.name != entry->name) {
    if (other.name_len == entry->name_len &&
        memcmp(other.name, entry->name, entry->name_len) == 0)
      return "the name stands twice";
    if (other.key_len == entry->key_len &&
        memcmp(other.key, entry->key, entry->key_len) == 0)
      return "another name has the same key";
  }
  return NULL;
}

void api_keys_check(const char *text, struct buf *errors) {
  struct api_key_entry entry;
  const char *fault, *at = text;
  while (api_keys_next(&at, &entry, &fault)) {
    const char *repeat = find_repeat(text, &entry);
    if (entry.key_len < API_KEY_BYTES_MIN)
      buf_printf(errors,
                 "api.keys: the key of `%.*s` has %zu bytes, at least %d are "
                 "needed: make one with `openssl rand -hex 32`\n",
                 (int)entry.name_len, entry.name, entry.key_len,
                 API_KEY_BYTES_MIN);
    if (repeat)
      buf_printf(errors, "api.keys: `%.*s`: %s\n", (int)entry.name_len,
                 entry.name, repeat);
  }
  if (fault && !entry.groups) /* what is no entry at all may be a key */
    buf_printf(errors, "api.keys: `%.*s`: %s\n", (int)entry.name_len,
               entry.name, fault);
  else if (fault)
    buf_printf(errors, "api.keys: %s\n", fault);
}
