/* SPDX-License-Identifier: MIT
 * Watching the scripts directory. */
#include "server/watch.h"

#include "base/attr.h"
#include "base/log.h"
#include "base/mem.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { QUIET_MS = 200, LOST_MS = 1000, DEPTH_MAX = 8, PATH_BYTES = 4096 };

struct watch_folder {
  uv_fs_event_t event;
  struct watch *watch;
};

static void on_quiet(uv_timer_t *timer);

static void on_event(uv_fs_event_t *event, const char *name, int events,
                     int status) {
  struct watch_folder *folder = container_of(event, struct watch_folder, event);
  (void)name;
  (void)events;
  (void)status;
  uv_timer_start(&folder->watch->quiet, on_quiet, QUIET_MS, 0);
}

static void on_folder_closed(uv_handle_t *handle) {
  mem_free(container_of(handle, struct watch_folder, event));
}

static int add_watch_folder(struct watch *watch, const char *path) {
  struct watch_folder *folder = mem_alloc(sizeof *folder);
  folder->watch = watch;
  uv_fs_event_init(watch->loop, &folder->event);
  int err = uv_fs_event_start(&folder->event, on_event, path, 0);
  if (err && !watch->lost)
    log_warn("cannot watch %s: %s", path, uv_strerror(err));
  watch->folders =
      mem_realloc(watch->folders, (watch->count + 1) * sizeof(void *));
  watch->folders[watch->count++] = folder;
  return err;
}

static int add_tree(struct watch *watch, const char *path, int depth) {
  char sub[PATH_BYTES];
  struct stat st;
  const struct dirent *entry;
  DIR *dir = opendir(path);
  int err = add_watch_folder(watch, path);
  while (dir && (entry = readdir(dir))) {
    int len = snprintf(sub, sizeof sub, "%s/%s", path, entry->d_name);
    if (entry->d_name[0] != '.' && depth < DEPTH_MAX && len < (int)sizeof sub &&
        !stat(sub, &st) && S_ISDIR(st.st_mode))
      (void)add_tree(watch, sub, depth + 1); /* a warning is enough */
  }
  if (dir)
    closedir(dir);
  return err;
}

static void drop_folders(struct watch *watch) {
  for (size_t i = 0; i < watch->count; i++)
    uv_close((uv_handle_t *)&watch->folders[i]->event, on_folder_closed);
  mem_free(watch->folders);
  watch->folders = NULL;
  watch->count = 0;
}

/* A folder that is not there, as between the two renames that replace it,
 * tells nobody when it comes: look again. */
static void look_for_folder(struct watch *watch) {
  watch->lost = add_tree(watch, watch->dir, 0) != 0;
  if (watch->lost)
    uv_timer_start(&watch->quiet, on_quiet, LOST_MS, 0);
}

static void on_quiet(uv_timer_t *timer) {
  struct watch *watch = container_of(timer, struct watch, quiet);
  drop_folders(watch); /* there may be new ones */
  look_for_folder(watch);
  if (!watch->lost)
    watch->changed(watch->arg);
}

void watch_start(struct watch *watch, uv_loop_t *loop, const char *dir,
                 watch_fn *changed, void *arg) {
  *watch =
      (struct watch){.loop = loop, .dir = dir, .changed = changed, .arg = arg};
  uv_timer_init(loop, &watch->quiet);
  look_for_folder(watch);
}

void watch_stop(struct watch *watch) {
  drop_folders(watch);
  uv_close((uv_handle_t *)&watch->quiet, NULL);
}
