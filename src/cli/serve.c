/* SPDX-License-Identifier: MIT
 * perigee serve, perigee dev: the server itself. */
#include "base/err.h"
#include "base/log.h"
#include "cli/cli.h"
#include "server/server.h"

static int serve(enum config_mode mode, int argc, char **argv) {
  struct config *config = NULL;
  struct buf errors = {0};
  int status = cli_load_scripts(mode, argc, argv, &config);
  if (status != CLI_OK)
    return status;
  log_setup((enum log_level)config->log_level,
            (enum log_format)config->log_format);
  log_start();
  size_t missing = config_secret_missing(config);
  if (config_check(config, mode, &errors))
    status = CLI_USAGE;
  else if (mode == CONFIG_DEVELOPMENT && missing > 0)
    log_warn("auth.secret is %zu bytes too short for production", missing);
  if (status == CLI_OK && server_run(config, mode, &errors))
    status = CLI_FAILED;
  log_stop(); /* before what is written without it */
  cli_complain(&errors);
  buf_free(&errors);
  config_free(config);
  return status;
}

int cli_serve(int argc, char **argv) {
  return serve(CONFIG_PRODUCTION, argc, argv);
}

int cli_dev(int argc, char **argv) {
  return serve(CONFIG_DEVELOPMENT, argc, argv);
}
