/* SPDX-License-Identifier: MIT
 * perigee test: the user's specs, with busted and the test kit. */
#include "cli/cli.h"
#include "cli/kit.h"

#include <string.h>

/* Where `--` is, or argc. */
static int find_end(int argc, char **argv) {
  for (int i = 0; i < argc; i++)
    if (strcmp(argv[i], "--") == 0)
      return i;
  return argc;
}

/* The words are the specs, and what stands behind the user's own `--`, which
 * is busted's. */
int cli_test(int argc, char **argv) {
  const char *words[CLI_ARGS_MAX];
  struct config *config = NULL;
  int end = find_end(argc, argv), flags = end, count = 1;
  const char *specs = cli_take_folder(&flags, argv);
  if (argc > CLI_ARGS_MAX ||
      cli_load(CONFIG_DEVELOPMENT, flags, argv, &config) != CLI_OK)
    return CLI_USAGE;
  words[0] = specs ? specs : "spec";
  for (int i = end + 1; i < argc; i++)
    words[count++] = argv[i];
  struct kit_job job = {.program = "test",
                        .config = config,
                        .flags = argv,
                        .flag_count = flags,
                        .words = words,
                        .word_count = count};
  int status = kit_run(&job);
  config_free(config);
  return status;
}
