/* SPDX-License-Identifier: MIT
 * perigee fuzz: sends the handlers of the scripts what their schemas allow, and
 * what they just do not. What it does is lua/perigee/fuzz.lua, in the test
 * kit. */
#include "cli/cli.h"
#include "cli/interface.h"
#include "cli/kit.h"
#include "server/server.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TIME_S = 10, TIME_MAX_S = 24 * 3600, NUMBER_BYTES = 32 };

struct fuzz {
  char seed[NUMBER_BYTES], seconds[NUMBER_BYTES];
  const char *words[CLI_ARGS_MAX];
  int count;
};

/* A whole number; false if the text is none of 0 to `max`. */
static bool is_count_up_to(const char *text, long long max) {
  char *end;
  long long value = strtoll(text, &end, 10);
  return *text && !*end && value >= 0 && value <= max;
}

static void add_fuzz_word(struct fuzz *fuzz, const char *word) {
  if (fuzz->count < CLI_ARGS_MAX)
    fuzz->words[fuzz->count++] = word;
}

/* The words of fuzz.lua: seed, time, the type that is meant or "", claims. */
static int read_fuzz(struct fuzz *fuzz, int *argc, char **argv) {
  const char *seed = cli_take(argc, argv, "seed");
  const char *seconds = cli_take(argc, argv, "time");
  const char *only = cli_take(argc, argv, "only"), *claim;
  if (seed && !is_count_up_to(seed, UINT32_MAX))
    return cli_refuse("--seed is a whole number from 0 to 4294967295, not %s",
                      seed);
  if (seconds && !is_count_up_to(seconds, TIME_MAX_S))
    return cli_refuse("--time is in seconds, from 0 to 86400, not %s", seconds);
  snprintf(fuzz->seed, sizeof fuzz->seed, "%u",
           seed ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)time(NULL));
  snprintf(fuzz->seconds, sizeof fuzz->seconds, "%ld",
           seconds ? strtol(seconds, NULL, 10) : (long)TIME_S);
  add_fuzz_word(fuzz, fuzz->seed);
  add_fuzz_word(fuzz, fuzz->seconds);
  add_fuzz_word(fuzz, only ? only : "");
  while ((claim = cli_take(argc, argv, "claim")))
    add_fuzz_word(fuzz, claim);
  return CLI_OK;
}

/* The configuration is as serve and check find it. */
static int run_fuzz(struct fuzz *fuzz, int argc, char **argv) {
  struct cli_args args;
  struct config *config = NULL;
  struct buf document = {0}, errors = {0};
  int status = cli_args_read(&args, CONFIG_DEVELOPMENT, argc, argv);
  if (status == CLI_OK)
    status = cli_load_args(&args, &config);
  if (status == CLI_OK && server_describe(config, &document, &errors) < 0)
    status = CLI_USAGE;
  cli_complain(&errors);
  if (status == CLI_OK) {
    struct kit_job job = {.program = "fuzz",
                          .config = config,
                          .flags = args.words,
                          .flag_count = args.config.argc,
                          .words = fuzz->words,
                          .word_count = fuzz->count,
                          .document = &document};
    (void)kit_run(&job);
    status = CLI_USAGE; /* nothing was tried */
  }
  buf_free(&document);
  buf_free(&errors);
  config_free(config);
  cli_args_free(&args);
  return status;
}

int cli_fuzz(int argc, char **argv) {
  struct fuzz fuzz = {0};
  int status = read_fuzz(&fuzz, &argc, argv);
  return status == CLI_OK ? run_fuzz(&fuzz, argc, argv) : status;
}
