/* SPDX-License-Identifier: MIT
 * perigee config: the effective values, and where each came from. */
#include "cli/cli.h"
#include "config/manual.h"

int cli_config(int argc, char **argv) {
  struct buf out = {0};
  struct config *cfg;
  if (cli_take_switch(&argc, argv, "markdown")) {
    manual_markdown(&out);
    return cli_print(&out);
  }
  bool development = cli_take_switch(&argc, argv, "development");
  int status = cli_load(development ? CONFIG_DEVELOPMENT : CONFIG_PRODUCTION,
                        argc, argv, &cfg);
  if (status != CLI_OK)
    return status;
  manual_values(cfg, &out);
  config_free(cfg);
  return cli_print(&out);
}
