/* SPDX-License-Identifier: MIT
 * perigee check: would this start? */
#include "config/check.h"
#include "base/err.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/interface.h"
#include "cli/verdicts.h"
#include "events/events.h"
#include "events/trial.h"
#include "server/server.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { BLOCK_BYTES = 64 * 1024 };

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

/* --- against what is out there -------------------------------------------- */

/* A server answers /interface at its admin address; a URL with a path is a file
 * somewhere. */
static int fetch_interface(const char *url, struct buf *out) {
  struct buf whole = {0};
  long code = 0;
  const char *host = strstr(url, "://") + strlen("://");
  const char *path = strchr(host, '/');
  buf_puts(&whole, url);
  if (!path || !path[1])
    buf_puts(&whole, path ? "interface" : "/interface");
  buf_putc(&whole, 0);
  int status = cli_fetch(whole.data, &code, out);
  if (status == CLI_OK && code != 200) {
    fprintf(stderr, "perigee: %s: status %ld\n", whole.data, code);
    status = CLI_FAILED;
  }
  buf_free(&whole);
  return status;
}

static int read_interface(const char *path, struct buf *out) {
  char *folder[] = {(char *)path};
  struct stat info;
  int status = CLI_OK;
  if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
    return interface_load(1, folder, out);
  FILE *file = fopen(path, "rbe");
  if (!file) {
    (void)cli_fail_file(path);
    return CLI_FAILED;
  }
  size_t count;
  while ((count = fread(buf_reserve(out, BLOCK_BYTES), 1, BLOCK_BYTES, file)))
    out->len += count;
  if (ferror(file)) {
    (void)cli_fail_file(path);
    status = CLI_FAILED;
  }
  fclose(file);
  return status;
}

static int compare_interfaces(const struct buf *before, const struct buf *after,
                              const char *name, bool allow_breaking) {
  struct buf found = {0};
  struct tool_text texts[] = {{before->data, before->len},
                              {after->data, after->len},
                              {name, strlen(name)}};
  int status = interface_run("compare", texts, ARRAY_SIZE(texts), &found);
  if (status == CLI_OK) {
    json_t *verdicts = json_loadb(found.data, found.len, 0, NULL);
    status = verdicts_print(verdicts, allow_breaking);
    json_decref(verdicts);
  }
  buf_free(&found);
  return status;
}

static int check_against(const char *against, const struct config *config,
                         bool allow_breaking) {
  struct buf before = {0}, after = {0}, errors = {0};
  int status = strstr(against, "://") ? fetch_interface(against, &before)
                                      : read_interface(against, &before);
  if (status == CLI_OK && server_describe(config, &after, &errors) < 0)
    status = CLI_FAILED;
  if (status == CLI_OK)
    status = compare_interfaces(&before, &after, against, allow_breaking);
  cli_complain(&errors);
  buf_free(&before);
  buf_free(&after);
  buf_free(&errors);
  return status;
}

/* --- all of it ------------------------------------------------------------ */

int cli_check(int argc, char **argv) {
  struct config *config = NULL;
  struct buf errors = {0};
  unsigned handlers = 0;
  bool events = cli_take_switch(&argc, argv, "events");
  const char *against = cli_take(&argc, argv, "against");
  bool allow_breaking = cli_take_switch(&argc, argv, "allow-breaking");
  int status = load_for_check(argc, argv, &config);
  if (status != CLI_OK)
    return status;
  if (check_config(config, CONFIG_PRODUCTION, &errors))
    status = CLI_FAILED;
  if (server_check(config, &handlers, &errors))
    status = CLI_FAILED;
  if (events && status == CLI_OK && try_events(config, &errors))
    status = CLI_FAILED;
  cli_complain(&errors);
  if (status == CLI_OK) {
    printf("%s: ok, %u handlers\n", config->scripts, handlers);
    if (against)
      status = check_against(against, config, allow_breaking);
  }
  buf_free(&errors);
  config_free(config);
  return status;
}
