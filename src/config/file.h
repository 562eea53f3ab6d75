/* SPDX-License-Identifier: MIT
 * A configuration file: Lua syntax, read into plain key = text entries.
 *
 *   listen = "0.0.0.0:8080"
 *   auth.secret = env "APP_SECRET"       -- nil, when unset, assigns nothing
 *   limits = { per_user = 3, queue_bytes = 256 * 1024 }
 *   origins = { "https://a.example", "https://b.example" }
 *   vars = { motd = "hello" }            -- for scripts, not an option
 *
 * This file and vars.c use Lua although they are not part of script/. The
 * configuration is read before there is anything that scripts could run in. It
 * runs in a state of its own, which is gone when it has been read. It sees
 * `env` and the names of options and sections, but no library. It has a budget
 * of instructions and of memory: a mistake in it cannot make a start hang. */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include "base/attr.h"
#include "base/buf.h"

#include <stddef.h>

struct file_entry {
  char *key; /* "limits.burst"; not checked: may be no option */
  char *text;
  int line;
};

struct file {
  struct file_entry *entries; /* in the order of the assignments */
  size_t count, cap;
  struct buf vars;  /* JSON object, not terminated; empty: no vars */
  struct buf unset; /* what `env` did not find: `"A" "B"`, cut when long */
};

/* The largest file that is read, in bytes. */
enum { FILE_MAX_BYTES = 1024 * 1024 };

/* Appends the content of the file at `path`. Returns 0, or ERR_SYSTEM with
 * the reason (after the path) in `error`. */
MUST_CHECK int file_read(const char *path, struct buf *content,
                         struct buf *error);

/* Runs `text`; `name` is what error messages call it, `env` is searched by
 * `env`. Fills the zeroed `file`, to be freed with file_free in any case.
 * Returns 0, or ERR_CONFIG with "name:line: reason" in `error`. */
MUST_CHECK int file_parse(struct file *file, const char *name, const char *text,
                          size_t len, char *const *env, struct buf *error);

/* The value of NAME in a "NAME=value" … NULL array, or NULL. */
const char *file_env(char *const *env, const char *name);

void file_free(struct file *file);

#endif
