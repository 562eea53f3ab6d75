/* SPDX-License-Identifier: MIT
 * What a change of the declarations means for clients. */
#include "cli/verdicts.h"

#include "cli/cli.h"

#include <stdio.h>

static const char *word_of(const json_t *change, const char *key) {
  const char *text = json_string_value(json_object_get(change, key));
  return text ? text : "";
}

/* "  breaking    request chat.send: data.text: must be there now" */
static void print_changes(const json_t *found, const char *verdict) {
  const json_t *list = json_object_get(found, verdict);
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *change = json_array_get(list, i);
    const char *path = word_of(change, "path");
    printf("  %-11s %s %s: %s%s%s\n", verdict, word_of(change, "part"),
           word_of(change, "type"), path, *path ? ": " : "",
           word_of(change, "text"));
  }
}

static size_t count_breaking(const json_t *found) {
  return json_array_size(json_object_get(found, "breaking"));
}

void verdicts_warn(const json_t *found) {
  size_t count = count_breaking(found);
  if (count == 0)
    return;
  print_changes(found, "breaking");
  fflush(stdout);
  fprintf(stderr,
          "perigee: %zu change%s may break clients that are out there "
          "(`perigee reload --check` says so before)\n",
          count, count == 1 ? "" : "s");
}

int verdicts_print(const json_t *found, bool allow_breaking) {
  size_t count = count_breaking(found);
  print_changes(found, "breaking");
  print_changes(found, "compatible");
  if (fflush(stdout))
    return CLI_FAILED;
  if (count == 0 || allow_breaking)
    return CLI_OK;
  fprintf(stderr,
          "perigee: %zu change%s would break clients that are out there "
          "(--allow-breaking says that this is meant)\n",
          count, count == 1 ? "" : "s");
  return CLI_BREAKING;
}
