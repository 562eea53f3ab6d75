/* SPDX-License-Identifier: MIT
 * perigee nodes: which machines there are, as the one that is asked knows. */
#include "cli/ask.h"
#include "cli/cli.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *text_of(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  return text ? text : "";
}

static long long number_of(const json_t *object, const char *key) {
  return (long long)json_integer_value(json_object_get(object, key));
}

static void put_age(struct buf *out, long long since_s) {
  long long age_s = (long long)time(NULL) - since_s;
  if (age_s >= 48LL * 3600)
    buf_printf(out, "%lldd", age_s / 86400);
  else if (age_s >= 7200)
    buf_printf(out, "%lldh", age_s / 3600);
  else if (age_s >= 120)
    buf_printf(out, "%lldm", age_s / 60);
  else
    buf_printf(out, "%llds", age_s > 0 ? age_s : 0);
}

/* The first digits of what tells scripts apart are enough for people. */
static void put_machine(struct buf *out, const json_t *node) {
  struct buf age = {0};
  put_age(&age, number_of(node, "started"));
  buf_printf(out, "%-24s %-10s %8lld %8lld %8.*s  %.8s\n",
             text_of(node, "name"), text_of(node, "version"),
             number_of(node, "workers"), number_of(node, "clients"),
             (int)age.len, age.data, text_of(node, "scripts"));
  buf_free(&age);
}

static bool scripts_differ(const json_t *nodes) {
  for (size_t i = 1; i < json_array_size(nodes); i++)
    if (strcmp(text_of(json_array_get(nodes, i), "scripts"),
               text_of(json_array_get(nodes, 0), "scripts")) != 0)
      return true;
  return false;
}

static int print_nodes(const char *url, const struct buf *bytes) {
  struct buf out = {0};
  json_t *answer =
      json_loadb(bytes->len ? bytes->data : "", bytes->len, 0, NULL);
  const json_t *nodes = json_object_get(answer, "nodes");
  const char *wrong = text_of(answer, "error");
  int status = CLI_OK;
  if (*wrong) {
    fprintf(stderr, "perigee: %s\n", wrong);
    status = CLI_FAILED;
  } else if (!json_is_array(nodes)) {
    status = cli_unreached(url, "what answers there is no admin address");
  } else {
    buf_printf(&out, "%-24s %-10s %8s %8s %8s  %s\n", "NAME", "VERSION",
               "WORKERS", "CLIENTS", "UP", "SCRIPTS");
    for (size_t i = 0; i < json_array_size(nodes); i++)
      put_machine(&out, json_array_get(nodes, i));
    if (scripts_differ(nodes))
      buf_puts(&out, "Not all have the same scripts.\n");
    status = cli_print(&out);
  }
  json_decref(answer);
  return status;
}

int cli_nodes(int argc, char **argv) {
  struct config *config = NULL;
  struct buf url = {0}, answer = {0};
  const char *admin = cli_take(&argc, argv, "admin");
  int status = cli_load(CONFIG_PRODUCTION, argc, argv, &config);
  if (status != CLI_OK)
    return status;
  if (!admin)
    admin = config->admin_listen;
  status = cli_ask(admin, "/nodes", false, &url, &answer);
  if (status == CLI_OK)
    status = print_nodes(url.data, &answer);
  buf_free(&url);
  buf_free(&answer);
  config_free(config);
  return status;
}
