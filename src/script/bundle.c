/* SPDX-License-Identifier: MIT
 * Reads the scripts directory. */
#include "script/bundle.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  DEPTH_MAX = 8, /* folders in folders; also ends a circle of links */
  FILE_BYTES_MAX = 8 << 20,
  PATH_BYTES = 4096,
};

static int fail_bundle(struct buf *error, const char *path, const char *why) {
  buf_printf(error, "%s: %s", path, why);
  return ERR_SCRIPT;
}

static bool is_lua(const char *name) {
  size_t len = strlen(name);
  return len > 4 && !strcmp(name + len - 4, ".lua");
}

static int read_all(int fd, char *out, size_t len) {
  while (len > 0) {
    ssize_t n = read(fd, out, len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return ERR_SYSTEM; /* also: it became shorter meanwhile */
    out += n;
    len -= (size_t)n;
  }
  return 0;
}

static void skip_start(struct bundle_file *file) {
  size_t start = source_start(file->source, file->len);
  file->len -= start;
  memmove(file->source, file->source + start, file->len + 1);
}

static int add_script(struct bundle *bundle, const char *path, const char *name,
                      struct buf *error) {
  int err = 0;
  struct stat st;
  char *source = NULL;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return fail_bundle(error, path, strerror(errno));
  if (fstat(fd, &st) || st.st_size > FILE_BYTES_MAX) {
    err = fail_bundle(error, path, "too large for a script");
    goto out;
  }
  source = mem_alloc((size_t)st.st_size + 1);
  if (read_all(fd, source, (size_t)st.st_size)) {
    err = fail_bundle(error, path, "cannot be read; is it being written?");
    goto out;
  }
  bundle->files =
      mem_realloc(bundle->files, (bundle->count + 1) * sizeof *bundle->files);
  bundle->files[bundle->count++] =
      (struct bundle_file){mem_strdup(name), source, (size_t)st.st_size};
  skip_start(&bundle->files[bundle->count - 1]);
  source = NULL;
out:
  mem_free(source);
  close(fd);
  return err;
}

static int add_script_folder(struct bundle *bundle, const char *sub, int depth,
                             struct buf *error);

static int add_script_entry(struct bundle *bundle, const char *sub,
                            const char *entry, int depth, struct buf *error) {
  char name[PATH_BYTES], path[PATH_BYTES * 2];
  struct stat st;
  snprintf(name, sizeof name, "%s%s%s", sub, *sub ? "/" : "", entry);
  snprintf(path, sizeof path, "%s/%s", bundle->dir, name);
  if (stat(path, &st))
    return is_lua(entry) ? fail_bundle(error, path, strerror(errno)) : 0;
  if (S_ISDIR(st.st_mode))
    return depth < DEPTH_MAX ? add_script_folder(bundle, name, depth + 1, error)
                             : 0;
  if (!is_lua(entry))
    return 0;
  if (!S_ISREG(st.st_mode)) /* opening a pipe waits for its writer */
    return fail_bundle(error, path, "not a file");
  return add_script(bundle, path, name, error);
}

static int add_script_folder(struct bundle *bundle, const char *sub, int depth,
                             struct buf *error) {
  char path[PATH_BYTES * 2];
  int err = 0;
  struct dirent *entry;
  snprintf(path, sizeof path, "%s%s%s", bundle->dir, *sub ? "/" : "", sub);
  DIR *dir = opendir(path);
  if (!dir)
    return fail_bundle(error, path, strerror(errno));
  while (!err && (entry = readdir(dir)))
    if (entry->d_name[0] != '.')
      err = add_script_entry(bundle, sub, entry->d_name, depth, error);
  closedir(dir);
  return err;
}

static int by_file_name(const void *a, const void *b) {
  const struct bundle_file *x = a, *y = b;
  return strcmp(x->name, y->name);
}

struct bundle *bundle_read(const char *dir, struct buf *error) {
  struct bundle *bundle = mem_alloc(sizeof *bundle);
  bundle->refs = 1;
  bundle->dir = mem_strdup(dir);
  size_t len = strlen(dir);
  while (len > 1 && bundle->dir[len - 1] == '/')
    bundle->dir[--len] = 0;
  int err = add_script_folder(bundle, "", 0, error);
  if (err) {
    bundle_unref(bundle);
    return NULL;
  }
  if (bundle->count > 0)
    qsort(bundle->files, bundle->count, sizeof *bundle->files, by_file_name);
  return bundle;
}

struct bundle *bundle_ref(struct bundle *bundle) {
  bundle->refs++;
  return bundle;
}

void bundle_unref(struct bundle *bundle) {
  if (!bundle || --bundle->refs > 0)
    return;
  for (size_t i = 0; i < bundle->count; i++) {
    mem_free(bundle->files[i].name);
    mem_free(bundle->files[i].source);
  }
  mem_free(bundle->files);
  mem_free(bundle->dir);
  mem_free(bundle);
}
