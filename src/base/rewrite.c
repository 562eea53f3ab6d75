/* SPDX-License-Identifier: MIT
 * Files that are written as a whole. */
#include "base/rewrite.h"

#include "base/err.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool has_text(const char *path, const struct buf *text) {
  FILE *file = fopen(path, "rbe");
  if (!file)
    return false;
  char *found = mem_alloc_raw(text->len + 1);
  size_t len = fread(found, 1, text->len + 1, file);
  bool same = len == text->len && (!len || !memcmp(found, text->data, len));
  fclose(file);
  mem_free(found);
  return same;
}

static int write_new(const char *path, const struct buf *text) {
  FILE *file = fopen(path, "wbe");
  if (!file)
    return ERR_SYSTEM;
  size_t written = text->len ? fwrite(text->data, 1, text->len, file) : 0;
  return fclose(file) == 0 && written == text->len ? 0 : ERR_SYSTEM;
}

int rewrite_file(const char *path, const struct buf *text, bool *changed) {
  struct buf fresh = {0};
  int err = 0;
  if (changed)
    *changed = false;
  if (has_text(path, text))
    return 0;
  buf_printf(&fresh, "%s.%ld.new", path, (long)getpid());
  buf_putc(&fresh, 0);
  if (write_new(fresh.data, text) < 0 || rename(fresh.data, path) < 0) {
    int saved = errno;
    unlink(fresh.data);
    errno = saved;
    err = ERR_SYSTEM;
  } else if (changed) {
    *changed = true;
  }
  buf_free(&fresh);
  return err;
}
