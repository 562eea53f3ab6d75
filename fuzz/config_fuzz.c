/* SPDX-License-Identifier: MIT
 * Configuration: the bytes as a file, and their lines as flags. */
#include "base/mem.h"
#include "config/address.h"
#include "config/check.h"
#include "config/config.h"
#include "config/file.h"
#include "config/manual.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FLAGS_MAX = 32 };

static char *const env[] = {"APP_SECRET=hush", NULL};

static void as_file(const char *text, size_t len) {
  struct file file = {0};
  struct buf error = {0};
  int result = file_parse(&file, "fuzz.lua", text, len, env, &error);
  if ((result < 0) != (error.len > 0))
    abort();
  buf_free(&error);
  file_free(&file);
}

static void as_flags(char *text) {
  static char no_file[] = "--config=/dev/null";
  char *argv[FLAGS_MAX + 1], *rest = text, host[64];
  int argc = 0, port;
  struct buf errors = {0}, values = {0};
  while (argc < FLAGS_MAX && (argv[argc] = strsep(&rest, "\n")))
    argc++;
  argv[argc++] = no_file; /* the last one counts */
  struct config_args args = {CONFIG_PRODUCTION, argc, argv, env};
  struct config *cfg = config_load(&args, &errors);
  if (!cfg != (errors.len > 0))
    abort();
  if (cfg) {
    manual_values(cfg, &values);
    (void)!check_config(cfg, CONFIG_PRODUCTION, &errors);
    (void)!address_split(cfg->listen, host, sizeof host, &port);
  }
  config_free(cfg);
  buf_free(&errors);
  buf_free(&values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = mem_strndup((const char *)data, size);
  as_file(text, size);
  as_flags(text);
  mem_free(text);
  return 0;
}
