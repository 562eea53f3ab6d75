/* SPDX-License-Identifier: MIT
 * What clients may rely on. */
#include "script/interface.h"

#include "base/mem.h"
#include "wire/json.h"

#include <stdlib.h>

static const char backend_key[] = "@http ";

/* One entry of a section. */
struct entry_text {
  const char *name;
  const struct schema *schema;   /* NULL: nothing is said */
  const struct handler *handler; /* whose words are added; NULL: nobody's */
};

static int by_entry_name(const void *a, const void *b) {
  const struct entry_text *x = a, *y = b;
  return strcmp(x->name, y->name);
}

static void put_word_field(struct buf *out, const char *key, const char *text) {
  if (!text)
    return;
  buf_printf(out, ",\"%s\":", key);
  json_put_string(out, text, strlen(text));
}

static void put_emits(struct buf *out, const struct handler *handler) {
  if (!handler->says_emits)
    return;
  buf_puts(out, ",\"x-emits\":[");
  for (size_t i = 0; i < handler->emit_count; i++) {
    if (i > 0)
      buf_putc(out, ',');
    json_put_string(out, handler->emits[i]->name,
                    strlen(handler->emits[i]->name));
  }
  buf_putc(out, ']');
}

static void put_handler_words(struct buf *out, const struct handler *handler) {
  put_word_field(out, "description", handler->doc);
  put_word_field(out, "x-script", handler->file);
  if (!handler->schema || schema_is_optional(handler->schema))
    buf_puts(out, ",\"x-optional\":true");
  if (handler->rate > 0)
    buf_printf(out, ",\"x-rate\":%.17g,\"x-burst\":%.0f", handler->rate,
               handler->burst);
  put_emits(out, handler);
}

static void put_entry(struct buf *out, const struct entry_text *entry) {
  json_put_string(out, entry->name, strlen(entry->name));
  buf_puts(out, ":{");
  size_t start = out->len;
  if (entry->schema)
    schema_put_json(entry->schema, out);
  size_t words = out->len;
  if (entry->handler)
    put_handler_words(out, entry->handler);
  if (words == start && out->len > start) { /* they begin with a comma */
    memmove(out->data + start, out->data + start + 1, out->len - start - 1);
    out->len--;
  }
  buf_putc(out, '}');
}

static void put_section(struct buf *out, const char *name,
                        struct entry_text *entries, size_t count) {
  if (count > 0)
    qsort(entries, count, sizeof *entries, by_entry_name);
  buf_printf(out, "\"%s\":{\"type\":\"object\",\"properties\":{", name);
  for (size_t i = 0; i < count; i++) {
    if (i > 0)
      buf_putc(out, ',');
    put_entry(out, &entries[i]);
  }
  buf_puts(out, "}}");
}

/* Of clients, or (`backends`) of backends: what they send, or what they get. */
static void put_handlers(const struct generation *generation, bool backends,
                         bool replies, struct buf *out) {
  const struct handler *it = generation->handlers;
  struct entry_text *entries =
      mem_alloc((HASH_COUNT(it) + 1) * sizeof *entries);
  size_t count = 0, skip = backends ? strlen(backend_key) : 0;
  for (; it; it = it->hh.next) {
    bool is_call = strncmp(it->name, backend_key, strlen(backend_key)) == 0;
    if (is_call != backends || (replies && !it->reply))
      continue;
    entries[count++] =
        replies ? (struct entry_text){it->name + skip, it->reply, NULL}
                : (struct entry_text){it->name + skip, it->schema, it};
  }
  const char *const names[] = {"requests", "replies", "calls", "answers"};
  put_section(out, names[2 * backends + replies], entries, count);
  mem_free(entries);
}

static void put_pushes(const struct generation *generation, struct buf *out) {
  const struct push *it = generation->pushes;
  struct entry_text *entries =
      mem_alloc((HASH_COUNT(it) + 1) * sizeof *entries);
  size_t count = 0;
  for (; it; it = it->hh.next)
    entries[count++] = (struct entry_text){it->name, it->schema, NULL};
  put_section(out, "pushes", entries, count);
  mem_free(entries);
}

void interface_write(const struct generation *generation, struct buf *out) {
  buf_puts(out, "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
                "\"title\":\"Perigee\",\"x-perigee\":1,\"$defs\":{");
  put_handlers(generation, false, false, out);
  buf_putc(out, ',');
  put_handlers(generation, false, true, out);
  buf_putc(out, ',');
  put_pushes(generation, out);
  buf_putc(out, ',');
  put_handlers(generation, true, false, out);
  buf_putc(out, ',');
  put_handlers(generation, true, true, out);
  buf_puts(out, "}}");
}
