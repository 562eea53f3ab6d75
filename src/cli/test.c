/* SPDX-License-Identifier: MIT
 * perigee test: the user's specs, with busted and the test kit.
 *
 * The kit is Lua and runs in an interpreter of its own: busted brings modules
 * in C that have no place in a server. Its files are inside this program; they
 * are written to a temporary folder, from which testing_run.lua takes over.
 * This process becomes the interpreter, so that the exit status is busted's. */
#include "base/embedded.h"
#include "base/err.h"
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

enum { PATH_BYTES = 4096 };

static const char RUN[] = "testing_run.lua";
static const char *const kit[] = {RUN,
                                  "testing.lua",
                                  "testing_client.lua",
                                  "testing_http.lua",
                                  "testing_json.lua",
                                  "testing_session.lua"};

/* What Lua 5.4 is called where; the last one may be another version, which
 * testing_run.lua says. */
static const char *const interpreters[] = {"lua5.4", "lua54", "lua"};

MUST_CHECK static int write_kit_file(const char *folder, const char *name) {
  char path[PATH_BYTES];
  const struct embedded *file = embedded_find(name);
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *out = fopen(path, "wbe");
  if (!out)
    return cli_fail_file(path);
  size_t written = fwrite(file->data, 1, file->len, out);
  if (fclose(out) != 0 || written != file->len)
    return cli_fail_file(path);
  return 0;
}

static void remove_kit(const char *folder) {
  char path[PATH_BYTES];
  for (size_t i = 0; i < ARRAY_SIZE(kit); i++) {
    snprintf(path, sizeof path, "%s/%s", folder, kit[i]);
    unlink(path);
  }
  rmdir(folder);
}

/* Makes the folder; `folder` gets its name. */
MUST_CHECK static int write_kit(char *folder, size_t cap) {
  const char *tmp = getenv("TMPDIR");
  snprintf(folder, cap, "%s/perigee-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
  if (!mkdtemp(folder))
    return cli_fail_file(folder);
  for (size_t i = 0; i < ARRAY_SIZE(kit); i++)
    if (write_kit_file(folder, kit[i]) < 0) {
      remove_kit(folder);
      return ERR_SYSTEM;
    }
  return 0;
}

/* The command line of testing_run.lua, see there. */
struct words {
  char *list[2 * CLI_ARGS_MAX];
  size_t count;
};

static void add_word(struct words *words, const char *word) {
  words->list[words->count++] = (char *)word; /* as execvp wants it */
}

/* Returns only if there is no interpreter. */
static void become_lua(struct words *words) {
  add_word(words, NULL);
  for (size_t i = 0; i < ARRAY_SIZE(interpreters); i++) {
    words->list[0] = (char *)interpreters[i];
    execvp(interpreters[i], words->list);
  }
  fputs("perigee: specs run in the interpreter of Lua 5.4, which is not "
        "installed: on Debian and Ubuntu, apt install lua5.4\n",
        stderr);
}

/* Where `--` is, or argc. */
static int find_end(int argc, char **argv) {
  for (int i = 0; i < argc; i++)
    if (strcmp(argv[i], "--") == 0)
      return i;
  return argc;
}

/* Adds the arguments: options of the server from `argv`, `--`, the specs, and
 * what stands behind the user's own `--`, which is busted's. */
static void add_arguments(struct words *words, int flags, char **argv,
                          const char *specs, char **rest, int count) {
  for (int i = 0; i < flags; i++)
    add_word(words, argv[i]);
  add_word(words, "--");
  add_word(words, specs ? specs : "spec");
  for (int i = 0; i < count; i++)
    add_word(words, rest[i]);
}

int cli_test(int argc, char **argv) {
  char folder[PATH_BYTES / 2], run[PATH_BYTES], self[PATH_BYTES];
  size_t len = sizeof self;
  struct config *config = NULL;
  struct words words = {.count = 1};
  int end = find_end(argc, argv), flags = end;
  const char *specs = cli_take_folder(&flags, argv);
  if (argc > CLI_ARGS_MAX ||
      cli_load(CONFIG_DEVELOPMENT, flags, argv, &config) != CLI_OK)
    return CLI_USAGE;
  if (uv_exepath(self, &len) < 0) {
    fputs("perigee: cannot tell where this program is: is /proc mounted?\n",
          stderr);
  } else if (write_kit(folder, sizeof folder) == 0) {
    int behind = end < argc ? end + 1 : argc;
    snprintf(run, sizeof run, "%s/%s", folder, RUN);
    add_word(&words, run);
    add_word(&words, self);
    add_word(&words, config->scripts);
    add_arguments(&words, flags, argv, specs, argv + behind, argc - behind);
    become_lua(&words);
    remove_kit(folder);
  }
  config_free(config);
  return CLI_FAILED;
}
