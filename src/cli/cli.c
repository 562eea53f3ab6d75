/* SPDX-License-Identifier: MIT
 * What the commands of `perigee` share. */
#include "cli/cli.h"

#include "base/err.h"
#include "base/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int load_or_complain(const struct config_args *args,
                            struct config **cfg) {
  struct buf errors = {0};
  *cfg = config_load(args, &errors);
  cli_complain(&errors);
  buf_free(&errors);
  return *cfg ? CLI_OK : CLI_USAGE;
}

int cli_load(enum config_mode mode, int argc, char **argv,
             struct config **cfg) {
  struct config_args args = {mode, argc, argv, environ};
  return load_or_complain(&args, cfg);
}

static void remove_args(int *argc, char **argv, int at, int n) {
  memmove(argv + at, argv + at + n, (size_t)(*argc - at - n) * sizeof *argv);
  *argc -= n;
}

const char *cli_take(int *argc, char **argv, const char *name) {
  size_t len = strlen(name);
  for (int i = 0; i < *argc && argv[i]; i++) {
    char *arg = argv[i];
    if (strncmp(arg, "--", 2) != 0 || strncmp(arg + 2, name, len) != 0)
      continue;
    char *value = NULL;
    if (arg[2 + len] == '=')
      value = arg + 2 + len + 1;
    else if (arg[2 + len] == '\0' && i + 1 < *argc)
      value = argv[i + 1];
    if (value) {
      remove_args(argc, argv, i, arg[2 + len] == '=' ? 1 : 2);
      return value;
    }
  }
  return NULL;
}

bool cli_take_switch(int *argc, char **argv, const char *name) {
  for (int i = 0; i < *argc; i++)
    if (strncmp(argv[i], "--", 2) == 0 && strcmp(argv[i] + 2, name) == 0) {
      remove_args(argc, argv, i, 1);
      return true;
    }
  return false;
}

int cli_refuse(const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  fputs("perigee: ", stderr);
  vfprintf(stderr, fmt, args);
  fputc('\n', stderr);
  va_end(args);
  return CLI_USAGE;
}

int cli_fail_file(const char *path) {
  fprintf(stderr, "perigee: %s: %s\n", path, strerror(errno));
  return ERR_SYSTEM;
}

void cli_complain(const struct buf *lines) {
  size_t at = 0;
  while (at < lines->len) {
    const char *line = lines->data + at;
    const char *end = memchr(line, '\n', lines->len - at);
    size_t len = end ? (size_t)(end - line) : lines->len - at;
    fprintf(stderr, "perigee: %.*s\n", (int)len, line);
    at += len + 1;
  }
}

int cli_print(struct buf *out) {
  bool ok = out->len == 0 || fwrite(out->data, out->len, 1, stdout) == 1;
  ok = fflush(stdout) == 0 && ok;
  if (!ok)
    perror("perigee: standard output");
  buf_free(out);
  return ok ? CLI_OK : CLI_FAILED;
}

static bool is_switch(const char *flag) {
  const char *key = flag + strlen("--");
  const struct option *option =
      option_find(strncmp(key, "no-", 3) == 0 ? key + 3 : key);
  return option && option->type == OPTION_BOOL;
}

/* An argument that is neither a flag nor the value of one before it. */
static int find_folder(int argc, char **argv) {
  for (int i = 0; i < argc; i++) {
    bool after_flag = i > 0 && strncmp(argv[i - 1], "--", 2) == 0 &&
                      !strchr(argv[i - 1], '=') && !is_switch(argv[i - 1]);
    if (argv[i][0] != '-' && !after_flag)
      return i;
  }
  return -1;
}

const char *cli_take_folder(int *argc, char **argv) {
  int at = find_folder(*argc, argv);
  if (at < 0)
    return NULL;
  const char *folder = argv[at];
  remove_args(argc, argv, at, 1);
  return folder;
}

int cli_args_read(struct cli_args *args, enum config_mode mode, int argc,
                  char **argv) {
  struct buf flag = {0};
  int at = find_folder(argc, argv);
  *args = (struct cli_args){.config = {mode, argc, args->words, environ}};
  if (argc > CLI_ARGS_MAX)
    return CLI_USAGE;
  memcpy(args->words, argv, (size_t)argc * sizeof *argv);
  if (at >= 0) {
    buf_printf(&flag, "--scripts=%s", argv[at]);
    args->words[at] = args->folder = mem_strndup(flag.data, flag.len);
  }
  buf_free(&flag);
  return CLI_OK;
}

void cli_args_free(struct cli_args *args) {
  mem_free(args->folder);
}

int cli_load_args(const struct cli_args *args, struct config **cfg) {
  return load_or_complain(&args->config, cfg);
}

int cli_load_scripts(enum config_mode mode, int argc, char **argv,
                     struct config **cfg) {
  struct cli_args args;
  int status = cli_args_read(&args, mode, argc, argv);
  if (status == CLI_OK)
    status = cli_load_args(&args, cfg);
  cli_args_free(&args);
  return status;
}
