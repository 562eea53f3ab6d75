/* SPDX-License-Identifier: MIT
 * What is written into an outbox. */
#include "events/outbox.h"

#include "base/mem.h"

#include <string.h>

static size_t text_bytes(const char *text) {
  return text ? strlen(text) + 1 : 1;
}

static const char *put_work_text(char **at, const char *text) {
  size_t len = text_bytes(text);
  char *copy = *at;
  memcpy(copy, text ? text : "", len);
  *at += len;
  return copy;
}

struct outbox_work *outbox_work_new(const struct outbox_work *like) {
  size_t texts = text_bytes(like->lane) + text_bytes(like->body) +
                 text_bytes(like->key) + text_bytes(like->data);
  struct outbox_work *work = mem_alloc_raw(sizeof *work + texts);
  char *at = work->texts;
  *work = *like;
  list_init(&work->node);
  work->bytes = sizeof *work + texts;
  work->lane = put_work_text(&at, like->lane);
  work->body = put_work_text(&at, like->body);
  work->key = put_work_text(&at, like->key);
  work->data = put_work_text(&at, like->data);
  return work;
}
