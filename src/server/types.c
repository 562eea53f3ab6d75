/* SPDX-License-Identifier: MIT
 * The file dev.types. */
#include "server/types.h"

#include "base/log.h"
#include "base/rewrite.h"
#include "script/tool.h"

#include <errno.h>
#include <string.h>

void types_write(const struct config *config, const struct manifest *manifest) {
  struct buf out = {0}, error = {0};
  const char *path = config->dev_types;
  const struct buf *interface = manifest_interface(manifest);
  struct tool_text text = {interface->data, interface->len};
  bool changed;
  if (!*path)
    return;
  if (tool_run("types", &text, 1, &out, &error) < 0)
    log_error("dev.types: %.*s", (int)error.len, error.data);
  else if (rewrite_file(path, &out, &changed) < 0)
    log_error("dev.types: %s: %s", path, strerror(errno));
  else if (changed)
    log_info("types in %s are new", path);
  buf_free(&out);
  buf_free(&error);
}
