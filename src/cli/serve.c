/* SPDX-License-Identifier: MIT
 * perigee serve, perigee dev: the server itself. */
#include "base/err.h"
#include "base/log.h"
#include "cli/cli.h"
#include "config/check.h"
#include "server/server.h"

static int run_server(const struct config *config,
                      const struct config_args *args) {
  struct buf errors = {0};
  int status = CLI_OK;
  size_t missing = config_secret_missing(config);
  log_setup((enum log_level)config->log_level,
            (enum log_format)config->log_format);
  log_start();
  if (check_config(config, args->mode, &errors))
    status = CLI_USAGE;
  else if (args->mode == CONFIG_DEVELOPMENT && missing > 0)
    log_warn("auth.secret is %zu bytes too short for production", missing);
  if (status == CLI_OK && server_run(config, args, &errors))
    status = CLI_FAILED;
  log_stop(); /* before what is written without it */
  cli_complain(&errors);
  buf_free(&errors);
  return status;
}

static int serve_mode(enum config_mode mode, int argc, char **argv) {
  struct config *config = NULL;
  struct cli_args args;
  int status = cli_args_read(&args, mode, argc, argv);
  if (status == CLI_OK)
    status = cli_load_args(&args, &config);
  if (status == CLI_OK)
    status = run_server(config, &args.config);
  config_free(config);
  cli_args_free(&args);
  return status;
}

int cli_serve(int argc, char **argv) {
  return serve_mode(CONFIG_PRODUCTION, argc, argv);
}

int cli_dev(int argc, char **argv) {
  return serve_mode(CONFIG_DEVELOPMENT, argc, argv);
}
