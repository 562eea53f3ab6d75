/* SPDX-License-Identifier: MIT
 * Notices that a file below a folder has changed.
 *
 * It watches folders, not files, because editors replace a file by a new one.
 * `changed` is called when it has been quiet for a moment, so that a save of
 * many files is one change. When the folder is gone, it looks for it until it
 * is back. */
#ifndef SERVER_WATCH_H
#define SERVER_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

typedef void watch_fn(void *arg);

struct watch {
  uv_loop_t *loop;
  const char *dir; /* borrowed */
  uv_timer_t quiet;
  struct watch_folder **folders;
  size_t count;
  bool lost; /* the folder itself is not there at the moment */
  watch_fn *changed;
  void *arg;
};

void watch_start(struct watch *watch, uv_loop_t *loop, const char *dir,
                 watch_fn *changed, void *arg);

/* Closes the handles. */
void watch_stop(struct watch *watch);

#endif
