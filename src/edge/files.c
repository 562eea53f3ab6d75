/* SPDX-License-Identifier: MIT
 * Static files. */
#include "edge/files.h"

#include "base/mem.h"

#include <string.h>

/* Types that the library does not know by itself. The last is of all files that
 * it does not know either: without that they are refused with 415. */
static const struct lws_protocol_vhost_options extra_types[] = {
    {&extra_types[1], NULL, ".mjs", "text/javascript"},
    {&extra_types[2], NULL, ".webp", "image/webp"},
    {&extra_types[3], NULL, ".wasm", "application/wasm"},
    {&extra_types[4], NULL, ".webmanifest", "application/manifest+json"},
    {NULL, NULL, "*", "application/octet-stream"},
};

/* Scripts may not have them either: lua/perigee/web.lua. */
static const char *const own_paths[] = {"/healthz", "/ws", "/perigee.js",
                                        "/perigee.global.js", "/dev/token"};

static void set_mount(struct lws_http_mount *mount, const char *path,
                      const char *origin, unsigned char how) {
  mount->mountpoint = path;
  mount->mountpoint_len = (unsigned char)strlen(path);
  mount->origin = origin;
  mount->origin_protocol = how;
}

struct lws_http_mount *files_mounts(const char *folder, const char *raw_path,
                                    const char *protocol) {
  size_t own = ARRAY_SIZE(own_paths);
  if (!*folder)
    return NULL;
  if (*raw_path)
    own++;
  struct lws_http_mount *mounts = mem_alloc((own + 1) * sizeof *mounts);
  for (size_t i = 0; i < own; i++) {
    bool ours = i < ARRAY_SIZE(own_paths);
    set_mount(&mounts[i], ours ? own_paths[i] : raw_path, protocol,
              LWSMPRO_CALLBACK);
    mounts[i].protocol = protocol;
    mounts[i].mount_next = &mounts[i + 1];
  }
  set_mount(&mounts[own], "/", folder, LWSMPRO_FILE);
  mounts[own].def = "index.html";
  mounts[own].extra_mimetypes = extra_types;
  return mounts;
}

bool files_is_own(struct slice path) {
  for (size_t i = 0; i < ARRAY_SIZE(own_paths); i++)
    if (slice_equals(path, own_paths[i]))
      return true;
  return false;
}
