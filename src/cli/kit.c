/* SPDX-License-Identifier: MIT
 * The test kit, and the interpreter that it runs in. */
#include "cli/kit.h"

#include "base/embedded.h"
#include "base/err.h"
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

enum { PATH_BYTES = 4096 };

static const char RUN[] = "testing_run.lua", DOCUMENT[] = "document.json";
static const char *const kit[] = {RUN,
                                  "testing.lua",
                                  "testing_base.lua",
                                  "testing_client.lua",
                                  "testing_http.lua",
                                  "testing_json.lua",
                                  "testing_redis.lua",
                                  "testing_server.lua",
                                  "testing_session.lua",
                                  "testing_socket.lua",
                                  "fuzz.lua",
                                  "fuzz_messages.lua",
                                  "fuzz_requests.lua",
                                  "fuzz_values.lua",
                                  "fuzz_words.lua",
                                  "web_path.lua"};

/* What Lua 5.4 is called where; the last one may be another version, which
 * testing_run.lua says. */
static const char *const interpreters[] = {"lua5.4", "lua54", "lua"};

MUST_CHECK static int write_kit_file(const char *folder, const char *name,
                                     const char *data, size_t len) {
  char path[PATH_BYTES];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *out = fopen(path, "wbe");
  if (!out)
    return cli_fail_file(path);
  size_t written = fwrite(data, 1, len, out);
  if (fclose(out) != 0 || written != len)
    return cli_fail_file(path);
  return 0;
}

static void remove_kit(const char *folder) {
  char path[PATH_BYTES];
  snprintf(path, sizeof path, "%s/%s", folder, DOCUMENT);
  unlink(path);
  for (size_t i = 0; i < ARRAY_SIZE(kit); i++) {
    snprintf(path, sizeof path, "%s/%s", folder, kit[i]);
    unlink(path);
  }
  rmdir(folder);
}

MUST_CHECK static int write_files(const char *folder,
                                  const struct buf *document) {
  for (size_t i = 0; i < ARRAY_SIZE(kit); i++) {
    const struct embedded *file = embedded_find(kit[i]);
    if (write_kit_file(folder, kit[i], file->data, file->len) < 0)
      return ERR_SYSTEM;
  }
  return document
             ? write_kit_file(folder, DOCUMENT, document->data, document->len)
             : 0;
}

/* Makes the folder; `folder` gets its name. */
MUST_CHECK static int write_kit(char *folder, size_t cap,
                                const struct buf *document) {
  const char *tmp = getenv("TMPDIR");
  snprintf(folder, cap, "%s/perigee-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
  if (!mkdtemp(folder))
    return cli_fail_file(folder);
  if (write_files(folder, document) == 0)
    return 0;
  remove_kit(folder);
  return ERR_SYSTEM;
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

int kit_run(const struct kit_job *job) {
  char folder[PATH_BYTES / 2], run[PATH_BYTES], self[PATH_BYTES];
  size_t len = sizeof self;
  struct words words = {.count = 1};
  if (uv_exepath(self, &len) < 0) {
    fputs("perigee: cannot tell where this program is: is /proc mounted?\n",
          stderr);
    return CLI_FAILED;
  }
  if (write_kit(folder, sizeof folder, job->document) < 0)
    return CLI_FAILED;
  snprintf(run, sizeof run, "%s/%s", folder, RUN);
  add_word(&words, run);
  add_word(&words, job->program);
  add_word(&words, self);
  add_word(&words, job->config->scripts);
  for (int i = 0; i < job->flag_count; i++)
    add_word(&words, job->flags[i]);
  add_word(&words, "--");
  for (int i = 0; i < job->word_count; i++)
    add_word(&words, job->words[i]);
  become_lua(&words);
  remove_kit(folder);
  return CLI_FAILED;
}
