/* SPDX-License-Identifier: MIT
 * The command line of `perigee bench`. */
#include "cli/bench_request.h"

#include "base/err.h"
#include "cli/cli.h"
#include "config/suggest.h"
#include "config/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char cli_bench_help[] =
    "Scenarios:\n"
    "  echo     each connection sends to itself (the default)\n"
    "  room     senders outside of one room that all connections are in\n"
    "  rooms    rooms of --room-size; a member of each sends to it\n"
    "  user     senders choose a random user for each message\n"
    "  idle     connections in rooms of --room-size that say nothing\n"
    "  storm    connect, auth, hang up, and again\n\n"
    "Without URL (ws://HOST[:PORT][/PATH], or wss://, whose certificate is\n"
    "not checked) it measures a server of its own,\n"
    "which has no limits.\n\n"
    "  --connections N   connections [100; idle: 1000]\n"
    "  --senders N       how many of them send [echo: all; room: 1, besides\n"
    "                    the others; rooms: one for each room; user: 32]\n"
    "  --active N        rooms, user: the first N talk instead, a random one\n"
    "                    each time; --window is how many are in flight in all\n"
    "  --room-size N     members of a room, for rooms and idle [10]\n"
    "  --window N        closed loop: messages in flight for each sender [1]\n"
    "  --rate N          open loop: messages (storm: connects) a second, in "
    "all\n"
    "  --bytes N         size of the payload [100]\n"
    "  --ramp N          connections opened a second [as fast as they get in]\n"
    "  --once            storm: each connects once, and stays\n"
    "  --first N         idle, storm --once: connections that come before the\n"
    "                    others and are not counted\n"
    "  --warmup TIME     before measuring begins [1s]\n"
    "  --duration TIME   of measuring [5s]\n"
    "  --timeout TIME    for an answer [5s]\n"
    "  --wait TIME       until somebody listens at URL [0]\n"
    "  --type NAME       type of echo's messages [bench.echo]\n"
    "  --script FILE     Lua functions that say what is sent\n"
    "  --secret TEXT     what the server checks tokens with: each connection\n"
    "                    is a user of its own; also auth.secret\n"
    "  --token TOKEN     the same token for all connections instead\n"
    "  --pid N           of the server, for its CPU time and memory\n"
    "  --dialect NAME    what the server understands: json, session,\n"
    "                    socketio, or raw\n"
    "                    (bench/baseline.c) [json]\n"
    "  --json            one JSON object instead of the summary\n"
    "  --handlers        print the script that the server needs for this\n"
    "  --free-port       print a port that nobody listens on\n\n";

enum kind { COUNT, NUMBER, TIME, TEXT };

/* An option of the command, and where its value goes in struct bench_request.
 */
static const struct option_row {
  const char *name;
  enum kind kind;
  size_t at;
  double min, max;
} options[] = {
    {"connections", COUNT, offsetof(struct bench_request, plan.connections), 1,
     1e6},
    {"senders", COUNT, offsetof(struct bench_request, plan.senders), 1, 1e6},
    {"active", COUNT, offsetof(struct bench_request, plan.active), 1, 1e6},
    {"first", COUNT, offsetof(struct bench_request, plan.first), 1, 1e6},
    {"room-size", COUNT, offsetof(struct bench_request, plan.room_size), 1,
     1e6},
    {"window", COUNT, offsetof(struct bench_request, plan.window), 1, 1e5},
    {"bytes", COUNT, offsetof(struct bench_request, plan.bytes), PLAN_BYTES_MIN,
     1 << 20},
    {"rate", NUMBER, offsetof(struct bench_request, plan.rate), 0.01, 1e7},
    {"ramp", NUMBER, offsetof(struct bench_request, plan.ramp), 0.01, 1e6},
    {"pid", COUNT, offsetof(struct bench_request, plan.pid), 1, 1 << 30},
    {"warmup", TIME, offsetof(struct bench_request, plan.warmup_s), 0, 86400},
    {"duration", TIME, offsetof(struct bench_request, plan.duration_s), 0.01,
     1e6},
    {"timeout", TIME, offsetof(struct bench_request, plan.timeout_s), 0.01,
     3600},
    {"wait", TIME, offsetof(struct bench_request, plan.wait_s), 0, 3600},
    {"dialect", TEXT, offsetof(struct bench_request, dialect), 0, 0},
    {"type", TEXT, offsetof(struct bench_request, plan.type), 0, 0},
    {"script", TEXT, offsetof(struct bench_request, plan.script), 0, 0},
    {"token", TEXT, offsetof(struct bench_request, plan.token), 0, 0},
    {"secret", TEXT, offsetof(struct bench_request, secret), 0, 0},
};

static int refuse_request(const struct buf *why) {
  fprintf(stderr, "perigee: %.*s\nTry `perigee help bench`.\n", (int)why->len,
          why->data);
  return CLI_USAGE;
}

static int out_of_range(const struct option_row *row, const char *text) {
  fprintf(stderr, "perigee: --%s is `%s`: it must be a %s from %g to %g%s\n",
          row->name, text,
          row->kind == COUNT    ? "whole number"
          : row->kind == NUMBER ? "number"
                                : "time",
          row->min, row->max,
          row->kind == TIME ? " seconds, such as 500ms, 10s or 5m" : "");
  return CLI_USAGE;
}

static int set_option(struct bench_request *request,
                      const struct option_row *row, const char *text) {
  void *place = (char *)request + row->at;
  double value = 0;
  char *end = NULL;
  if (row->kind == TEXT) {
    *(const char **)place = text;
    return CLI_OK;
  }
  if (row->kind == TIME)
    end = value_seconds(text, &value) == 0 ? "" : "?";
  else
    value = strtod(text, &end);
  if (!*text || *end || !(value >= row->min && value <= row->max))
    return out_of_range(row, text);
  if (row->kind != COUNT) {
    *(double *)place = value;
    return CLI_OK;
  }
  unsigned count = (unsigned)value;
  if ((double)count != value)
    return out_of_range(row, text);
  memcpy(place, &count, sizeof count); /* pid_t is as wide */
  return CLI_OK;
}

static int take_options(struct bench_request *request, int *argc, char **argv) {
  for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
    const char *text;
    while ((text = cli_take(argc, argv, options[i].name))) {
      int status = set_option(request, &options[i], text);
      if (status != CLI_OK)
        return status;
    }
  }
  /* What cli_take has left there has no value. */
  for (size_t i = 0; i < ARRAY_SIZE(options); i++)
    if (cli_take_switch(argc, argv, options[i].name)) {
      fprintf(stderr, "perigee: --%s needs a value\n", options[i].name);
      return CLI_USAGE;
    }
  return CLI_OK;
}

static int set_scenario(struct bench_request *request, const char *name) {
  struct suggest suggest = {.typed = name};
  for (int i = 0; i < PLAN_SCRIPT; i++) {
    const char *known = plan_scenario_name((enum plan_scenario)i);
    if (strcmp(name, known) == 0) {
      request->plan.scenario = (enum plan_scenario)i;
      return CLI_OK;
    }
    suggest_try(&suggest, known);
  }
  fprintf(stderr, "perigee: unknown scenario `%s`", name);
  if (suggest.best)
    fprintf(stderr, ", did you mean `%s`?", suggest.best);
  fputs("\nTry `perigee help bench`.\n", stderr);
  return CLI_USAGE;
}

/* Whether the argument behind this one is its value. */
static bool wants_value(const char *flag) {
  const char *name = flag + strlen("--");
  if (strncmp(flag, "--", 2) != 0 || strchr(flag, '='))
    return false;
  if (strncmp(name, "no-", 3) == 0)
    name += 3;
  const struct option *option = option_find(name);
  return !option || option->type != OPTION_BOOL;
}

/* Takes URL and scenario out of the arguments: what is left are flags, which
 * may have a value behind them. */
static int take_words(struct bench_request *request, int *argc, char **argv) {
  bool scenario = false, value = false;
  int kept = 0, status = CLI_OK;
  for (int i = 0; i < *argc && status == CLI_OK; i++) {
    char *word = argv[i];
    bool is_url = strstr(word, "://") != NULL, is_value = value && !is_url;
    value = !value && wants_value(word);
    if (word[0] == '-' || is_value) {
      argv[kept++] = word;
    } else if (is_url && !request->url) {
      request->url = word;
    } else if (!scenario && !is_url) {
      scenario = true;
      status = set_scenario(request, word);
    } else {
      fprintf(stderr, "perigee: unexpected argument `%s`\n", word);
      status = CLI_USAGE;
    }
  }
  *argc = kept;
  if (!scenario && request->plan.script)
    request->plan.scenario = PLAN_SCRIPT;
  return status;
}

static int set_dialect(struct plan *plan, const char *name) {
  plan->dialect = dialect_find(name);
  if (plan->dialect)
    return CLI_OK;
  fprintf(
      stderr,
      "perigee: --dialect is `%s`: it must be json, session, raw or socketio\n",
      name);
  return CLI_USAGE;
}

static int complete_request(struct bench_request *request) {
  struct buf why = {0};
  struct plan *plan = &request->plan;
  int status = CLI_OK;
  if (plan->connections == 0)
    plan->connections = plan->scenario == PLAN_IDLE ? 1000 : 100;
  if (!request->url && plan->pid)
    buf_puts(&why, "--pid: name the server's URL too");
  else if (!request->url && !plan->dialect->has_ids) /* no one of ours */
    buf_puts(&why, "--dialect: name the server's URL too");
  else if ((request->url && plan_set_url(plan, request->url, &why) < 0) ||
           plan_complete(plan, &why) < 0)
    status = CLI_USAGE;
  if (why.len > 0)
    status = refuse_request(&why);
  buf_free(&why);
  return status;
}

int bench_request_read(struct bench_request *request, int *argc, char **argv) {
  const char *dialect = dialect_default()->name;
  *request = (struct bench_request){.plan = {.window = 1,
                                             .room_size = 10,
                                             .bytes = 100,
                                             .warmup_s = 1,
                                             .duration_s = 5,
                                             .timeout_s = 5,
                                             .type = "bench.echo",
                                             .progress = isatty(STDERR_FILENO)},
                                    .dialect = dialect};
  int status = take_options(request, argc, argv);
  request->json = cli_take_switch(argc, argv, "json");
  request->plan.once = cli_take_switch(argc, argv, "once");
  if (status == CLI_OK)
    status = set_dialect(&request->plan, request->dialect);
  if (status == CLI_OK)
    status = take_words(request, argc, argv);
  return status == CLI_OK ? complete_request(request) : status;
}
