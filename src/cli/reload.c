/* SPDX-License-Identifier: MIT
 * perigee reload: asks the running server, or all machines, to load the
 * scripts, and prints what came of it. */
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/verdicts.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* --- telling ------------------------------------------------------------ */

static const char *answer_text(const json_t *answer, const char *key) {
  const char *text = json_string_value(json_object_get(answer, key));
  return text ? text : "";
}

static long long int_of(const json_t *answer, const char *key) {
  return (long long)json_integer_value(json_object_get(answer, key));
}

static void print_names(const json_t *answer, const char *key) {
  const json_t *list = json_object_get(answer, key);
  if (json_array_size(list) == 0)
    return;
  printf("  %-8s", key);
  for (size_t i = 0; i < json_array_size(list); i++)
    printf("%s%s", i ? ", " : " ", json_string_value(json_array_get(list, i)));
  putchar('\n');
}

static int print_success(const json_t *answer, bool check) {
  printf(check ? "the scripts are good, generation %lld goes on"
               : "generation %lld is live",
         int_of(answer, "generation"));
  printf(": %lld files, %lld handlers, %.1f ms\n", int_of(answer, "files"),
         int_of(answer, "handlers"),
         json_number_value(json_object_get(answer, "ms")));
  print_names(answer, "added");
  print_names(answer, "removed");
  print_names(answer, "changed");
  print_names(answer, "options");
  print_names(answer, "restart");
  if (!check)
    verdicts_warn(answer);
  return fflush(stdout) ? CLI_FAILED : CLI_OK;
}

/* `who`: "perigee", or the name of a machine. */
static int print_failure(const json_t *answer, const char *who) {
  const char *file = answer_text(answer, "file");
  long long line = int_of(answer, "line");
  fprintf(stderr, "%s: ", who);
  if (*file && line > 0)
    fprintf(stderr, "%s:%lld: ", file, line);
  else if (*file)
    fprintf(stderr, "%s: ", file);
  fprintf(stderr, "%s\n", answer_text(answer, "message"));
  if (json_is_true(json_object_get(answer, "live")))
    fprintf(stderr,
            "%s: generation %lld is live all the same, as the one before was "
            "stopped\n",
            who, int_of(answer, "generation"));
  else if (int_of(answer, "generation") > 0)
    fprintf(stderr, "%s: nothing has changed, generation %lld goes on\n", who,
            int_of(answer, "generation"));
  return CLI_FAILED;
}

/* --- all machines ----------------------------------------------------------
 */

/* What one of them said. */
static int print_node(const json_t *node, bool check, bool loaded,
                      bool allow_breaking) {
  const char *name = answer_text(node, "name");
  const json_t *answer = json_object_get(node, "answer");
  if (!json_is_true(json_object_get(answer, "ok"))) {
    fflush(stdout);
    return print_failure(answer, name);
  }
  printf("%s: ", name);
  if (!check && !loaded) {
    printf("could load: %lld files, %lld handlers\n", int_of(answer, "files"),
           int_of(answer, "handlers"));
    return CLI_OK;
  }
  int status = print_success(answer, check);
  if (status == CLI_OK && check)
    status = verdicts_print(answer, allow_breaking);
  return status;
}

static int print_all(const json_t *answer, bool check, bool allow_breaking) {
  const json_t *nodes = json_object_get(answer, "nodes");
  const char *message = answer_text(answer, "message");
  bool good = json_is_true(json_object_get(answer, "ok"));
  bool loaded = json_is_true(json_object_get(answer, "loaded"));
  int status = good ? CLI_OK : CLI_FAILED;
  for (size_t i = 0; i < json_array_size(nodes); i++) {
    int one =
        print_node(json_array_get(nodes, i), check, loaded, allow_breaking);
    if (good && one != CLI_OK)
      status = one;
  }
  if (*message)
    fprintf(stderr, "perigee: %s\n", message);
  return status;
}

static int print_answer(const char *url, const struct buf *bytes, bool check,
                        bool allow_breaking) {
  int status;
  json_t *answer =
      json_loadb(bytes->len ? bytes->data : "", bytes->len, 0, NULL);
  const json_t *ok = json_object_get(answer, "ok");
  bool all = json_is_array(json_object_get(answer, "nodes"));
  if (!json_is_boolean(ok))
    status = cli_unreached(url, "what answers there is no admin address");
  else if (all)
    status = print_all(answer, check, allow_breaking);
  else
    status = json_is_true(ok) ? print_success(answer, check)
                              : print_failure(answer, "perigee");
  if (status == CLI_OK && check && !all)
    status = verdicts_print(answer, allow_breaking);
  json_decref(answer);
  return status;
}

int cli_reload(int argc, char **argv) {
  struct config *config = NULL;
  struct buf url = {0}, answer = {0};
  bool check = cli_take_switch(&argc, argv, "check");
  bool all = cli_take_switch(&argc, argv, "all");
  bool allow_breaking = cli_take_switch(&argc, argv, "allow-breaking");
  const char *admin = cli_take(&argc, argv, "admin");
  int status = cli_load(CONFIG_PRODUCTION, argc, argv, &config);
  if (status != CLI_OK)
    return status;
  if (!admin)
    admin = config->admin_listen;
  static const char *const paths[2][2] = {
      {"/reload", "/reload?check=1"},
      {"/reload?all=1", "/reload?all=1&check=1"}};
  status = cli_ask(admin, paths[all][check], true, &url, &answer);
  if (status == CLI_OK)
    status = print_answer(url.data, &answer, check, allow_breaking);
  buf_free(&url);
  buf_free(&answer);
  config_free(config);
  return status;
}
