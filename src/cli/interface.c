/* SPDX-License-Identifier: MIT
 * What the commands share that are about the declarations of scripts. */
#include "cli/interface.h"

#include "base/rewrite.h"
#include "cli/cli.h"
#include "server/server.h"

#include <string.h>

int interface_load(int argc, char **argv, struct buf *out) {
  struct config *config = NULL;
  struct buf errors = {0};
  int status = cli_load_scripts(CONFIG_DEVELOPMENT, argc, argv, &config);
  if (status != CLI_OK)
    return status;
  if (server_describe(config, out, &errors) < 0)
    status = CLI_FAILED;
  cli_complain(&errors);
  buf_free(&errors);
  config_free(config);
  return status;
}

int interface_run(const char *module, const struct tool_text *texts,
                  size_t count, struct buf *out) {
  struct buf error = {0};
  int status =
      tool_run(module, texts, count, out, &error) < 0 ? CLI_FAILED : CLI_OK;
  cli_complain(&error);
  buf_free(&error);
  return status;
}

int interface_put(const char *path, struct buf *out) {
  int status = CLI_OK;
  if (!path || !strcmp(path, "-"))
    return cli_print(out);
  if (rewrite_file(path, out, NULL) < 0) {
    (void)cli_fail_file(path);
    status = CLI_FAILED;
  }
  buf_free(out);
  return status;
}
