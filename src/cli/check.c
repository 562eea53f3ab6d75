/* SPDX-License-Identifier: MIT
 * perigee check: would this start? */
#include "config/check.h"
#include "base/err.h"
#include "cli/cli.h"
#include "events/events.h"
#include "events/trial.h"
#include "server/server.h"

#include <stdio.h>

/* Scripts are written where there is no key yet: that is worth a word, but
 * nothing is wrong with them. Development mode makes a key for this run. */
static int load_for_check(int argc, char **argv, struct config **config) {
  int status = cli_load_scripts(CONFIG_PRODUCTION, argc, argv, config);
  const struct config *cfg = *config;
  if (status != CLI_OK || *cfg->auth_secret || *cfg->auth_secret_file ||
      *cfg->auth_public_key_file || *cfg->auth_jwks_url || *cfg->auth_jwks_file)
    return status;
  fputs("perigee: note: no auth key is set, `perigee serve` will want one\n",
        stderr);
  if (*cfg->unset_env)
    fprintf(stderr, "perigee: note: these variables are not set: %s\n",
            cfg->unset_env);
  config_free(*config);
  return cli_load_scripts(CONFIG_DEVELOPMENT, argc, argv, config);
}

static int try_events(const struct config *config, struct buf *errors) {
  if (events_are_sent(config))
    return trial_post(config, errors);
  buf_puts(errors, "events.url is not set: there is nobody to ask\n");
  return ERR_CONFIG;
}

int cli_check(int argc, char **argv) {
  struct config *config = NULL;
  struct buf errors = {0};
  unsigned handlers = 0;
  bool events = cli_take_switch(&argc, argv, "events");
  int status = load_for_check(argc, argv, &config);
  if (status != CLI_OK)
    return status;
  if (check_config(config, CONFIG_PRODUCTION, &errors))
    status = CLI_FAILED;
  if (server_check(config, &handlers, &errors))
    status = CLI_FAILED;
  if (events && status == CLI_OK && try_events(config, &errors))
    status = CLI_FAILED;
  if (status == CLI_OK)
    printf("%s: ok, %u handlers\n", config->scripts, handlers);
  cli_complain(&errors);
  buf_free(&errors);
  config_free(config);
  return status;
}
