/* SPDX-License-Identifier: MIT
 * What a generation was made of. */
#include "server/manifest.h"

#include "base/mem.h"
#include "script/interface.h"
#include "wire/json.h"

#include <stdlib.h>

struct entry {
  char *type;
  uint64_t print; /* of the texts that it depends on */
};

struct manifest {
  struct entry *entries; /* sorted by type */
  size_t count, files;
  uint64_t print; /* of all files */
  struct buf interface;
};

/* FNV-1a. Nobody gains by making two texts of one print: the scripts are the
 * operator's own. */
static const uint64_t fnv_start = 0xcbf29ce484222325, fnv_prime = 0x100000001b3;

static uint64_t add_text(uint64_t print, const char *text, size_t len) {
  for (size_t i = 0; i < len; i++)
    print = (print ^ (unsigned char)text[i]) * fnv_prime;
  return print;
}

/* With its zero, so that name and source cannot run into each other. */
static uint64_t print_file(uint64_t print, const struct bundle_file *file) {
  print = add_text(print, file->name, strlen(file->name) + 1);
  return add_text(print, file->source, file->len);
}

static uint64_t print_of_files(const struct bundle *bundle) {
  uint64_t print = fnv_start;
  for (size_t i = 0; i < bundle->count; i++) {
    print = print_file(print, &bundle->files[i]);
    print = add_text(print, "", 1);
  }
  return print;
}

static uint64_t print_of_modules(const struct bundle *bundle) {
  uint64_t print = fnv_start;
  for (size_t i = 0; i < bundle->count; i++)
    if (strchr(bundle->files[i].name, '/'))
      print = print_file(print, &bundle->files[i]);
  return print;
}

static uint64_t print_of(const struct bundle *bundle, const char *name,
                         uint64_t modules) {
  for (size_t i = 0; name && i < bundle->count; i++)
    if (!strcmp(bundle->files[i].name, name))
      return print_file(modules, &bundle->files[i]);
  return modules;
}

static int by_type(const void *a, const void *b) {
  const struct entry *x = a, *y = b;
  return strcmp(x->type, y->type);
}

struct manifest *manifest_new(const struct generation *generation) {
  const struct bundle *bundle = generation->bundle;
  struct manifest *manifest = mem_alloc(sizeof *manifest);
  uint64_t modules = print_of_modules(bundle);
  const struct handler *handler = generation->handlers;
  manifest->files = bundle->count;
  manifest->print = print_of_files(bundle);
  manifest->entries =
      mem_alloc((HASH_COUNT(handler) + 1) * sizeof *manifest->entries);
  for (; handler; handler = handler->hh.next)
    manifest->entries[manifest->count++] = (struct entry){
        mem_strdup(handler->name), print_of(bundle, handler->file, modules)};
  interface_write(generation, &manifest->interface);
  qsort(manifest->entries, manifest->count, sizeof *manifest->entries, by_type);
  return manifest;
}

void manifest_free(struct manifest *manifest) {
  if (!manifest)
    return;
  for (size_t i = 0; i < manifest->count; i++)
    mem_free(manifest->entries[i].type);
  mem_free(manifest->entries);
  buf_free(&manifest->interface);
  mem_free(manifest);
}

const struct buf *manifest_interface(const struct manifest *manifest) {
  return &manifest->interface;
}

uint64_t manifest_print(const struct manifest *manifest) {
  return manifest->print;
}

size_t manifest_files(const struct manifest *manifest) {
  return manifest->files;
}

size_t manifest_handlers(const struct manifest *manifest) {
  return manifest->count;
}

/* Which of the two entries comes first: < 0 `x`, > 0 `y`, 0 both. NULL is
 * behind all. */
static int compare_entries(const struct entry *x, const struct entry *y) {
  if (!x || !y)
    return x ? -1 : 1;
  return strcmp(x->type, y->type);
}

static const struct entry *entry_at(const struct manifest *manifest, size_t i) {
  return i < manifest->count ? &manifest->entries[i] : NULL;
}

static void put_type(struct buf *out, const char *type, size_t before) {
  if (before > 0)
    buf_putc(out, ',');
  json_put_string(out, type, strlen(type));
}

void manifest_diff(const struct manifest *before, const struct manifest *after,
                   enum manifest_change change, struct buf *out) {
  size_t i = 0, j = 0, found = 0;
  buf_putc(out, '[');
  while (i < before->count || j < after->count) {
    const struct entry *x = entry_at(before, i), *y = entry_at(after, j);
    int order = compare_entries(x, y);
    bool hit = change == MANIFEST_REMOVED ? order < 0
               : change == MANIFEST_ADDED ? order > 0
                                          : !order && x->print != y->print;
    if (hit)
      put_type(out, order > 0 ? y->type : x->type, found++);
    i += order <= 0;
    j += order >= 0;
  }
  buf_putc(out, ']');
}
