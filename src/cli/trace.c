/* SPDX-License-Identifier: MIT
 * perigee trace: follows a user, a room or a type on the server that is
 * running. */
#include "base/mem.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/trace_line.h"
#include "config/api_keys.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct printer {
  bool json, color;
  const char *from; /* its address, where there are several; else NULL */
  bool broken;      /* nobody reads what is printed */
  struct buf line;  /* whose end has not come; or a problem */
};

/* --- what comes --------------------------------------------------------- */

static void print_trace_line(struct printer *printer, struct buf *out,
                             const char *line, size_t len) {
  if (printer->json && printer->from && len > 1) {
    buf_printf(out, "{\"admin\":\"%s\",%.*s\n", printer->from, (int)len - 1,
               line + 1);
  } else if (printer->json) {
    buf_put(out, line, len);
    buf_putc(out, '\n');
  } else {
    size_t begin = out->len;
    if (printer->from)
      buf_printf(out, "%s  ", printer->from);
    size_t head = out->len;
    trace_line_put(out, line, len, printer->color);
    if (out->len == head) /* there is nothing to say of it */
      out->len = begin;
  }
}

static bool take_trace(void *arg, long code, const char *bytes, size_t len) {
  struct printer *printer = arg;
  struct buf out = {0};
  const char *end;
  buf_put(&printer->line, bytes, len);
  if (code != 200)
    return true;
  char *at = printer->line.data;
  size_t left = printer->line.len;
  while (left > 0 && (end = memchr(at, '\n', left))) {
    size_t n = (size_t)(end - at);
    print_trace_line(printer, &out, at, n);
    at += n + 1;
    left -= n + 1;
  }
  memmove(printer->line.data, at, left);
  printer->line.len = left;
  printer->broken = cli_print(&out) != CLI_OK;
  return !printer->broken;
}

/* --- what is asked for -------------------------------------------------- */

/* The parameter of the target "user:42". */
static int put_target(struct buf *path, const char *target) {
  static const char *const kinds[] = {"user", "room", "type"};
  const char *colon = target ? strchr(target, ':') : NULL;
  for (size_t i = 0; colon && colon[1] && i < ARRAY_SIZE(kinds); i++) {
    if ((size_t)(colon - target) != strlen(kinds[i]) ||
        strncmp(target, kinds[i], strlen(kinds[i])) != 0)
      continue;
    buf_printf(path, "/api/v1/trace?%s=", kinds[i]);
    for (const char *at = colon + 1; *at; at++)
      buf_printf(path, "%%%02X", (unsigned char)*at);
    buf_putc(path, 0);
    return CLI_OK;
  }
  return cli_refuse("trace what? user:ID, room:NAME or type:TYPE");
}

/* The key of that name; without a name the first that may trace. There may be
 * none: a server of `perigee dev` lets those in who are on its machine. */
static int put_key_header(struct buf *header, const struct config *config,
                          const char *name) {
  struct api_key_entry entry;
  const char *fault, *at = config->api_keys;
  while (api_keys_next(&at, &entry, &fault)) {
    bool fits = name ? strlen(name) == entry.name_len &&
                           memcmp(name, entry.name, entry.name_len) == 0
                     : entry.groups & API_ADMIN;
    if (!fits)
      continue;
    buf_printf(header, "Authorization: Bearer %.*s", (int)entry.key_len,
               entry.key);
    buf_putc(header, 0);
    return CLI_OK;
  }
  if (name)
    return cli_refuse("api.keys has no key `%s`", name);
  buf_putc(header, 0);
  return CLI_OK;
}

static int tell_problem(const struct buf *text, long code, bool has_key) {
  if ((code == 401 || code == 404) && !has_key) {
    fputs("perigee: a trace needs a key that may `admin`, and api.keys of this "
          "configuration has none: name one there, for the server as well "
          "(openssl rand -hex 32 makes one). Only `perigee dev` without "
          "api.keys asks for none\n",
          stderr);
    return CLI_FAILED;
  }
  json_t *problem = json_loadb(text->len ? text->data : "", text->len, 0, NULL);
  const char *detail = json_string_value(json_object_get(problem, "detail"));
  fprintf(stderr, "perigee: %s (status %ld)\n",
          detail ? detail : "what answers there is no HTTP API of Perigee",
          code);
  json_decref(problem);
  return CLI_FAILED;
}

static int follow_trace(const char *admin, const struct buf *path,
                        const struct buf *header, bool json, bool one) {
  struct printer printer = {.json = json,
                            .color =
                                isatty(STDOUT_FILENO) && !getenv("NO_COLOR"),
                            .from = one ? NULL : admin};
  long code = 0;
  int status =
      cli_follow(admin, path->data, header->data, take_trace, &printer, &code);
  if (status == CLI_OK && printer.broken)
    status = CLI_FAILED;
  else if (status == CLI_OK && code != 200)
    status = tell_problem(&printer.line, code, *header->data);
  else if (status == CLI_OK)
    fputs("perigee: the server has ended the trace\n", stderr);
  buf_free(&printer.line);
  return status;
}

/* A machine in a process of its own: each writes whole lines. */
static pid_t fork_trace(const char *admin, const struct buf *path,
                        const struct buf *header, bool json) {
  pid_t parent = getpid(), pid = fork();
  if (pid != 0)
    return pid;
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent)
    _exit(CLI_FAILED);
  int status = follow_trace(admin, path, header, json, false);
  fflush(stdout);
  _exit(status);
}

/* "a:8081,b:8081": the machines of a cluster, until the last one has ended. */
static int follow_traces(const char *admins, const struct buf *path,
                         const struct buf *header, bool json) {
  int status = CLI_OK, ended = 0;
  char *list = mem_strdup(admins), *rest = list;
  for (char *one = strtok_r(list, ",", &rest); one;
       one = strtok_r(NULL, ",", &rest))
    if (fork_trace(one, path, header, json) < 0)
      status = cli_refuse("cannot follow %s: no process is left", one);
  while (wait(&ended) > 0)
    if (!WIFEXITED(ended) || WEXITSTATUS(ended))
      status = CLI_FAILED;
  mem_free(list);
  return status;
}

int cli_trace(int argc, char **argv) {
  struct config *config = NULL;
  struct buf path = {0}, header = {0};
  bool json = cli_take_switch(&argc, argv, "json");
  const char *admin = cli_take(&argc, argv, "admin");
  const char *key = cli_take(&argc, argv, "key");
  const char *target = cli_take_folder(&argc, argv);
  int status = put_target(&path, target);
  if (status == CLI_OK)
    status = cli_load(CONFIG_PRODUCTION, argc, argv, &config);
  if (status == CLI_OK)
    status = put_key_header(&header, config, key);
  if (status == CLI_OK && admin && strchr(admin, ','))
    status = follow_traces(admin, &path, &header, json);
  else if (status == CLI_OK)
    status = follow_trace(admin ? admin : config->admin_listen, &path, &header,
                          json, true);
  buf_free(&path);
  buf_free(&header);
  config_free(config);
  return status;
}
