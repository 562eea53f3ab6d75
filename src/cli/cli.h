/* SPDX-License-Identifier: MIT
 * What the commands of `perigee` share.
 *
 * A command is one file with one function, which gets the arguments after the
 * command's name and returns the exit status of the process. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/attr.h"
#include "base/buf.h"
#include "config/config.h"

#include <stdbool.h>

enum cli_status {
  CLI_OK = 0,
  CLI_FAILED = 1, /* understood, but it did not work */
  CLI_USAGE = 2,  /* not understood: flags, or a configuration with mistakes */
  CLI_UNREACHED = 2, /* the server did not answer */
  CLI_BREAKING = 3   /* it would work, but break clients that are out there */
};

enum { CLI_ARGS_MAX = 256 };

int cli_serve(int argc, char **argv);
int cli_dev(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_types(int argc, char **argv);
int cli_describe(int argc, char **argv);
int cli_config(int argc, char **argv);
int cli_api(int argc, char **argv);
int cli_reload(int argc, char **argv);
int cli_console(int argc, char **argv);
int cli_nodes(int argc, char **argv);
int cli_token(int argc, char **argv);
int cli_new(int argc, char **argv);
int cli_test(int argc, char **argv);
int cli_fuzz(int argc, char **argv);
int cli_bench(int argc, char **argv);
int cli_events(int argc, char **argv);
int cli_trace(int argc, char **argv);

/* What `perigee help bench` says before the options of the configuration. */
extern const char cli_bench_help[];

/* And `perigee help events`. */
extern const char cli_events_help[];

/* Loads the configuration from all sources, with `argv` as flags. Returns
 * CLI_OK and *cfg, to be freed with config_free; or CLI_USAGE, with the
 * mistakes printed. Whether a server may start with it: check_config. */
MUST_CHECK int cli_load(enum config_mode mode, int argc, char **argv,
                        struct config **cfg);

/* The arguments of a command that takes the scripts directory as one. */
struct cli_args {
  struct config_args config; /* for config_load */
  char *words[CLI_ARGS_MAX];
  char *folder; /* the directory as a flag, owned; NULL: not given */
};

/* Returns CLI_OK, or CLI_USAGE; cli_args_free in any case. */
MUST_CHECK int cli_args_read(struct cli_args *args, enum config_mode mode,
                             int argc, char **argv);

void cli_args_free(struct cli_args *args);

/* cli_load for such a command. */
MUST_CHECK int cli_load_scripts(enum config_mode mode, int argc, char **argv,
                                struct config **cfg);

/* The same with what cli_args_read has read. */
MUST_CHECK int cli_load_args(const struct cli_args *args, struct config **cfg);

/* Takes `--name value` or `--name=value` out of the arguments, and returns the
 * value. Returns NULL when it is not there. Without a value it stays in the
 * arguments, and NULL is returned, too. */
const char *cli_take(int *argc, char **argv, const char *name);

/* Takes `--name` out of the arguments; whether it was there. */
bool cli_take_switch(int *argc, char **argv, const char *name);

/* Takes out the argument that is neither a flag nor the value of a flag.
 * Returns it, or NULL when there is none. */
const char *cli_take_folder(int *argc, char **argv);

/* Prints to standard error why the arguments are of no use. Returns
 * CLI_USAGE. */
int cli_refuse(const char *fmt, ...) PRINTF(1, 2);

/* Prints what errno says about the file. Returns ERR_SYSTEM. */
int cli_fail_file(const char *path);

/* Prints each line of `lines` to standard error, after "perigee: ". */
void cli_complain(const struct buf *lines);

/* Prints `out` to standard output and frees it. Returns CLI_OK, or CLI_FAILED
 * when it could not be written. */
MUST_CHECK int cli_print(struct buf *out);

#endif
