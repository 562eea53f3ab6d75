/* SPDX-License-Identifier: MIT
 * Answers that may be asked for again. */
#include "api/repeat.h"

#include "base/hash.h"
#include "base/mem.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 256 };

struct repeat {
  UT_hash_handle hh;
  struct list node;
  uint64_t at_ms;
  unsigned status;
  bool problem;
  unsigned char print[REPEAT_PRINT_BYTES];
  size_t name_len, body_len;
  char text[]; /* the name, then the body */
};

void repeats_init(struct repeats *repeats) {
  *repeats = (struct repeats){0};
  list_init(&repeats->order);
}

static size_t bytes_of_repeat(const struct repeat *repeat) {
  return sizeof *repeat + repeat->name_len + repeat->body_len;
}

static void drop_repeat(struct repeats *repeats, struct repeat *repeat) {
  // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is in the table
  HASH_DEL(repeats->table, repeat);
  list_remove(&repeat->node);
  repeats->bytes -= bytes_of_repeat(repeat);
  mem_free(repeat);
}

void repeats_free(struct repeats *repeats) {
  struct repeat *repeat = NULL, *next = NULL;
  HASH_ITER (hh, repeats->table, repeat, next)
    drop_repeat(repeats, repeat);
}

bool repeat_key_ok(struct slice key) {
  for (size_t i = 0; i < key.len; i++)
    if (key.at[i] < 0x20 || key.at[i] > 0x7e)
      return false;
  return key.len > 0 && key.len <= REPEAT_KEY_BYTES;
}

/* "who call key"; neither of the first two has a blank. Returns its length. */
static size_t name_repeat(char name[NAME_BYTES], const char *who,
                          const char *call, struct slice key) {
  int len =
      snprintf(name, NAME_BYTES, "%s %s %.*s", who, call, (int)key.len, key.at);
  return (size_t)len;
}

/* SHA-256 of each part, so that none of the first goes on in the second. */
void repeat_print(struct slice target, struct slice body,
                  unsigned char print[REPEAT_PRINT_BYTES]) {
  unsigned char parts[2 * REPEAT_PRINT_BYTES] = {0};
  memset(print, 0, REPEAT_PRINT_BYTES);
  (void)EVP_Digest(target.at, target.len, parts, NULL, EVP_sha256(), NULL);
  (void)EVP_Digest(body.at, body.len, parts + REPEAT_PRINT_BYTES, NULL,
                   EVP_sha256(), NULL);
  (void)EVP_Digest(parts, sizeof parts, print, NULL, EVP_sha256(), NULL);
}

/* Those that are too old; they are in the order of their age. */
static void drop_old(struct repeats *repeats, uint64_t now_ms) {
  while (!list_empty(&repeats->order)) {
    struct repeat *oldest =
        container_of(repeats->order.next, struct repeat, node);
    if (now_ms - oldest->at_ms < REPEAT_MS &&
        repeats->bytes <= REPEAT_BYTES_MAX)
      return;
    drop_repeat(repeats, oldest);
  }
}

enum repeat_verdict repeats_find(struct repeats *repeats, const char *who,
                                 const char *call, struct slice key,
                                 const unsigned char *print, uint64_t now_ms,
                                 struct repeat_answer *answer) {
  char name[NAME_BYTES];
  struct repeat *found;
  size_t len = name_repeat(name, who, call, key);
  drop_old(repeats, now_ms);
  HASH_FIND(hh, repeats->table, name, len, found);
  if (!found)
    return REPEAT_NEW;
  if (memcmp(print, found->print, sizeof found->print) != 0)
    return REPEAT_OTHER;
  if (found->status == 0)
    return REPEAT_BUSY;
  *answer = (struct repeat_answer){
      .status = found->status,
      .problem = found->problem,
      .body = {found->text + found->name_len, found->body_len}};
  return REPEAT_SAME;
}

void repeats_keep(struct repeats *repeats, const char *who, const char *call,
                  struct slice key, const unsigned char *print, uint64_t now_ms,
                  const struct repeat_answer *answer) {
  char name[NAME_BYTES];
  size_t len = name_repeat(name, who, call, key);
  struct repeat *repeat = mem_alloc(sizeof *repeat + len + answer->body.len);
  repeat->at_ms = now_ms;
  repeat->status = answer->status;
  repeat->problem = answer->problem;
  repeat->name_len = len;
  repeat->body_len = answer->body.len;
  memcpy(repeat->text, name, len);
  if (answer->body.len > 0)
    memcpy(repeat->text + len, answer->body.at, answer->body.len);
  memcpy(repeat->print, print, sizeof repeat->print);
  list_init(&repeat->node);
  list_push(&repeats->order, &repeat->node);
  HASH_ADD_KEYPTR(hh, repeats->table, repeat->text, len, repeat);
  repeats->bytes += bytes_of_repeat(repeat);
  drop_old(repeats, now_ms);
}

void repeats_drop(struct repeats *repeats, const char *who, const char *call,
                  struct slice key) {
  char name[NAME_BYTES];
  struct repeat *found;
  size_t len = name_repeat(name, who, call, key);
  HASH_FIND(hh, repeats->table, name, len, found);
  if (found)
    drop_repeat(repeats, found);
}
