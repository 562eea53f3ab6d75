/* SPDX-License-Identifier: MIT
 * The commands of `perigee`: a table of contents. */
#include "cli/cli.h"
#include "config/manual.h"
#include "config/suggest.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct command {
  const char *name;
  int (*run)(int argc, char **argv);
  const char *summary;
  const char *usage; /* after the name */
  const char *more;  /* lines about flags that are no options; may be "" */
};

static const struct command commands[] = {
    {"new", cli_new, "Make a project: scripts, a page, a spec.", "DIR", ""},
    {"serve", cli_serve, "Serve the scripts.",
     "[SCRIPTS_DIR] [--OPTION=VALUE ...]", ""},
    {"dev", cli_dev, "Serve for development: local, watching, with a token.",
     "[SCRIPTS_DIR] [--OPTION=VALUE ...]", ""},
    {"check", cli_check, "Check the configuration and the scripts.",
     "[SCRIPTS_DIR] [--events] [--against=WHAT [--allow-breaking]] "
     "[--OPTION=VALUE ...]",
     "  --events          ask events.url, too, whether it takes events\n"
     "  --against=WHAT    which changes break clients that are out there?\n"
     "                    WHAT is a scripts folder, the URL of an admin\n"
     "                    address, or a file of `perigee describe\n"
     "                    --format=json-schema`\n"
     "  --allow-breaking  that is meant: do not exit with 3\n\n"},
    {"test", cli_test, "Run the specs of the scripts against a server.",
     "[SPEC_DIR] [--OPTION=VALUE ...] [-- BUSTED_ARGUMENT ...]",
     "SPEC_DIR is ./spec, unless given, or one file; the options are those of\n"
     "the server that is started, such as --scripts=DIR. What comes after --\n"
     "is for busted, such as --filter=TEXT or --output=TAP.\n\n"},
    {"fuzz", cli_fuzz, "Send the handlers all kinds of messages, and see.",
     "[SCRIPTS_DIR] [--time=SECONDS] [--seed=N] [--only=KEY] "
     "[--claim NAME=VALUE ...] [--OPTION=VALUE ...]",
     "A server of its own is started, and each handler is sent what its\n"
     "schema allows and what it just does not. An error, a reply or push that\n"
     "is not as declared, memory that is kept, or an end of the server is a\n"
     "fault.\n"
     "Exits with 1 if there are faults, with 2 if nothing could be tried.\n\n"
     "  --time=SECONDS      how long [10]; a turn of each handler at least\n"
     "  --seed=N            the same seed sends the same messages\n"
     "  --only=KEY          this handler only\n"
     "  --claim NAME=VALUE  in the token of every other user; may be repeated\n"
     "\n"},
    {"types", cli_types, "Print what the scripts declare, in TypeScript.",
     "[SCRIPTS_DIR] [--out=FILE] [--OPTION=VALUE ...]",
     "  --out=FILE  write it there instead, if it has changed\n\n"},
    {"describe", cli_describe, "Print what the scripts declare, for people.",
     "[SCRIPTS_DIR] [--format=FORMAT] [--out=FILE] [--OPTION=VALUE ...]",
     "  --format=FORMAT  markdown, asyncapi, openapi or json-schema\n"
     "                   [markdown]\n"
     "  --out=FILE       write it there instead, if it has changed\n\n"},
    {"config", cli_config, "Print the configuration and where it came from.",
     "[--development | --markdown] [--OPTION=VALUE ...]",
     "  --development  with the defaults of development mode\n"
     "  --markdown     the reference of all options instead\n\n"},
    {"api", cli_api, "Print the description of the HTTP API, in OpenAPI.",
     "[--markdown]", "  --markdown  the page for people instead\n\n"},
    {"reload", cli_reload, "Load the scripts of the server that is running.",
     "[--all] [--check [--allow-breaking]] [--admin=HOST:PORT] "
     "[--OPTION=VALUE ...]",
     "  --all              on all machines that serve together: all load, or\n"
     "                     none does\n"
     "  --check            build them in the server, change nothing; exit\n"
     "                     with 3 if they break clients that are out there\n"
     "  --allow-breaking   that is meant: do not exit with 3\n"
     "  --admin=HOST:PORT  where the server is, instead of admin.listen\n\n"},
    {"console", cli_console, "Print a link that opens the console, once.",
     "[--admin=HOST:PORT] [--OPTION=VALUE ...]",
     "  --admin=HOST:PORT  where the server is, instead of admin.listen\n\n"
     "The link is good for two minutes. It is made with the first of api.keys\n"
     "that has `admin`; for a server of `perigee dev` none is needed.\n\n"},
    {"nodes", cli_nodes, "Show the machines that serve together.",
     "[--admin=HOST:PORT] [--OPTION=VALUE ...]",
     "  --admin=HOST:PORT  where one of them is, instead of admin.listen\n\n"},
    {"events", cli_events, "Look at what waits for the backend.",
     "[list | show | replay | drop] [ID ...] [--OPTION=VALUE ...]",
     cli_events_help},
    {"trace", cli_trace, "Follow a user, a room or a type, as it happens.",
     "user:ID | room:NAME | type:TYPE [--json] [--key NAME] "
     "[--admin=HOST:PORT] [--OPTION=VALUE ...]",
     "  --json             print the lines of the server as they are (NDJSON)\n"
     "  --key NAME         the name of one of api.keys; without it the first "
     "that\n"
     "                     may `admin`\n"
     "  --admin=HOST:PORT  where the server is, instead of admin.listen\n\n"},
    {"token", cli_token, "Print a token for a user.",
     "--user ID [--ttl 1h] [--claim NAME=VALUE ...] [--OPTION=VALUE ...]",
     "  --user ID           the user the token is for\n"
     "  --ttl TIME          how long it is valid: 30s, 15m, 1h, 7d [1h]\n"
     "  --claim NAME=VALUE  another claim; numbers, true, false and null keep\n"
     "                      their type; may be repeated\n"
     "  --private-key FILE  PEM key to sign with, for all but HS algorithms\n"
     "\n"},
    {"bench", cli_bench, "Measure a server under load.",
     "[URL] [SCENARIO] [--OPTION=VALUE ...]", cli_bench_help},
};

static const struct command *find_command(const char *name) {
  for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
    if (strcmp(commands[i].name, name) == 0)
      return &commands[i];
  return NULL;
}

static int unknown_command(const char *name) {
  struct suggest suggest = {.typed = name};
  for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
    suggest_try(&suggest, commands[i].name);
  fprintf(stderr, "perigee: unknown command `%s`", name);
  if (suggest.best)
    fprintf(stderr, ", did you mean `%s`?", suggest.best);
  fputs("\nTry `perigee help`.\n", stderr);
  return CLI_USAGE;
}

static void overview(struct buf *out) {
  buf_puts(out, "Usage: perigee COMMAND [ARGUMENTS]\n\n");
  for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
    buf_printf(out, "  %-9s%s\n", commands[i].name, commands[i].summary);
  buf_puts(out, "\n`perigee help COMMAND` shows the options of a command, "
                "`perigee --version` the version.\n");
}

static int help_command(const struct command *command) {
  struct buf out = {0};
  buf_printf(&out, "Usage: perigee %s %s\n\n%s\n\n%s", command->name,
             command->usage, command->summary, command->more);
  if (strstr(command->usage, "--OPTION")) {
    buf_puts(&out, "Options, also read from perigee.cfg.lua and PERIGEE_* "
                   "variables:\n\n");
    manual_help(&out);
  }
  return cli_print(&out);
}

static int help(int argc, char **argv) {
  struct buf out = {0};
  if (argc > 0) {
    const struct command *command = find_command(argv[0]);
    return command ? help_command(command) : unknown_command(argv[0]);
  }
  overview(&out);
  return cli_print(&out);
}

static int version(void) {
  struct buf out = {0};
  buf_puts(&out, "perigee " PERIGEE_VERSION "\n");
  return cli_print(&out);
}

static bool asks_for_help(const char *arg) {
  return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

int main(int argc, char **argv) {
  const char *name = argc > 1 ? argv[1] : "help";
  char **rest = argv + (argc > 1 ? 2 : 1);
  int n = argc - (int)(rest - argv);
  if (strcmp(name, "help") == 0 || asks_for_help(name))
    return help(n, rest);
  if (strcmp(name, "--version") == 0)
    return version();
  const struct command *command = find_command(name);
  if (!command)
    return unknown_command(name);
  for (int i = 0; i < n && strcmp(rest[i], "--") != 0; i++)
    if (asks_for_help(rest[i]))
      return help_command(command);
  return command->run(n, rest);
}
