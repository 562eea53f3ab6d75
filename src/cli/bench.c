/* SPDX-License-Identifier: MIT
 * perigee bench: many clients at once, and what they see.
 *
 * Without an address it starts a server of its own, so that one command shows
 * what this machine can do. Options that are not its own are options of that
 * server; with an address they say what tokens must be like, as they do with
 * `perigee token`. */
#include "auth/key.h"
#include "base/embedded.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "config/suggest.h"
#include "config/value.h"
#include "load/load.h"
#include "load/local.h"
#include "load/report.h"

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
    "  --room-size N     members of a room, for rooms and idle [10]\n"
    "  --window N        closed loop: messages in flight for each sender [1]\n"
    "  --rate N          open loop: messages (storm: connects) a second, in "
    "all\n"
    "  --bytes N         size of the payload [100]\n"
    "  --ramp N          connections opened a second [as fast as they get in]\n"
    "  --warmup TIME     before measuring begins [1s]\n"
    "  --duration TIME   of measuring [5s]\n"
    "  --timeout TIME    for an answer [5s]\n"
    "  --type NAME       type of echo's messages [bench.echo]\n"
    "  --script FILE     Lua functions that say what is sent\n"
    "  --secret TEXT     what the server checks tokens with: each connection\n"
    "                    is a user of its own; also auth.secret\n"
    "  --token TOKEN     the same token for all connections instead\n"
    "  --pid N           of the server, for its CPU time and memory\n"
    "  --json            one JSON object instead of the summary\n"
    "  --handlers        print the script that the server needs for this\n\n";

struct request {
  struct plan plan;
  const char *url, *secret;
  bool json;
  struct config *config;
  struct buf secret_flag;
  struct local local;
};

enum kind { COUNT, NUMBER, TIME, TEXT };

/* An option of the command, and where its value goes in struct request. */
static const struct option_row {
  const char *name;
  enum kind kind;
  size_t at;
  double min, max;
} options[] = {
    {"connections", COUNT, offsetof(struct request, plan.connections), 1, 1e6},
    {"senders", COUNT, offsetof(struct request, plan.senders), 1, 1e6},
    {"room-size", COUNT, offsetof(struct request, plan.room_size), 1, 1e6},
    {"window", COUNT, offsetof(struct request, plan.window), 1, 1e5},
    {"bytes", COUNT, offsetof(struct request, plan.bytes), PLAN_BYTES_MIN,
     1 << 20},
    {"rate", NUMBER, offsetof(struct request, plan.rate), 0.01, 1e7},
    {"ramp", NUMBER, offsetof(struct request, plan.ramp), 0.01, 1e6},
    {"pid", COUNT, offsetof(struct request, plan.pid), 1, 1 << 30},
    {"warmup", TIME, offsetof(struct request, plan.warmup_s), 0, 86400},
    {"duration", TIME, offsetof(struct request, plan.duration_s), 0.01, 1e6},
    {"timeout", TIME, offsetof(struct request, plan.timeout_s), 0.01, 3600},
    {"type", TEXT, offsetof(struct request, plan.type), 0, 0},
    {"script", TEXT, offsetof(struct request, plan.script), 0, 0},
    {"token", TEXT, offsetof(struct request, plan.token), 0, 0},
    {"secret", TEXT, offsetof(struct request, secret), 0, 0},
};

static const char *const switches[] = {"json", "handlers"};

/* --- the command line --------------------------------------------------- */

static int wrong(const struct buf *why) {
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

static int set_option(struct request *request, const struct option_row *row,
                      const char *text) {
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

static int take_options(struct request *request, int *argc, char **argv) {
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

static int set_scenario(struct request *request, const char *name) {
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
static int take_words(struct request *request, int *argc, char **argv) {
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

static int read_request(struct request *request, int *argc, char **argv) {
  struct buf why = {0};
  struct plan *plan = &request->plan;
  int status = take_options(request, argc, argv);
  request->json = cli_take_switch(argc, argv, switches[0]);
  if (status == CLI_OK)
    status = take_words(request, argc, argv);
  if (status != CLI_OK)
    return status;
  if (plan->connections == 0)
    plan->connections = plan->scenario == PLAN_IDLE ? 1000 : 100;
  if (!request->url && plan->pid)
    buf_puts(&why, "--pid: name the server's URL too");
  else if ((request->url && plan_set_url(plan, request->url, &why) < 0) ||
           plan_complete(plan, &why) < 0)
    status = CLI_USAGE;
  if (why.len > 0)
    status = wrong(&why);
  buf_free(&why);
  return status;
}

/* --- tokens ------------------------------------------------------------- */

/* The configuration that tells what tokens must be like. Our own server gets
 * the flags and nothing else, so nothing else counts. */
static int load_config(struct request *request, int argc, char **argv) {
  char *args[CLI_ARGS_MAX + 2];
  static char no_file[] = "--config=/dev/null";
  char *nothing[] = {NULL};
  int n = 0;
  if (argc > CLI_ARGS_MAX)
    return CLI_USAGE;
  if (request->secret) {
    buf_printf(&request->secret_flag, "--auth.secret=%s", request->secret);
    args[n++] = request->secret_flag.data;
  }
  memcpy(args + n, argv, (size_t)argc * sizeof *argv);
  n += argc;
  if (request->url)
    return cli_load(CONFIG_PRODUCTION, n, args, &request->config);
  args[n++] = no_file;
  struct buf errors = {0};
  struct config_args all = {CONFIG_DEVELOPMENT, n, args, nothing};
  request->config = config_load(&all, &errors);
  cli_complain(&errors);
  buf_free(&errors);
  return request->config ? CLI_OK : CLI_USAGE;
}

static int can_sign(const struct jwt_key *key) {
  char *token = NULL;
  int err = jwt_sign(key, "{}", &token);
  mem_free(token);
  return err;
}

static int make_key(struct request *request) {
  const struct config *config = request->config;
  struct plan *plan = &request->plan;
  struct buf errors = {0};
  if (plan->token)
    return CLI_OK;
  if (config->auth_algorithm <= JWT_HS512 && !*config->auth_secret &&
      !*config->auth_secret_file)
    buf_puts(&errors, "the server wants tokens: give its key with --secret or "
                      "PERIGEE_AUTH_SECRET, or a --token");
  else
    plan->key = key_load(config, NULL, &errors);
  if (plan->key && can_sign(plan->key) < 0)
    buf_puts(&errors, "the key of auth.public_key_file can only verify: give "
                      "a --token");
  int status = errors.len ? CLI_USAGE : CLI_OK;
  cli_complain(&errors);
  buf_free(&errors);
  plan->issuer = config->auth_issuer;
  plan->audience = config->auth_audience;
  return status;
}

/* --- the run ------------------------------------------------------------ */

static int start_own(struct request *request, int argc, char **argv) {
  struct buf why = {0}, log = {0};
  int err = local_start(&request->local, request->config->auth_secret, argc,
                        argv, &why);
  if (!err)
    err = plan_set_url(&request->plan, request->local.url, &why);
  request->plan.pid = request->local.pid;
  if (err) {
    local_log(&request->local, &log);
    fprintf(stderr, "perigee: %.*s\n%.*s", (int)why.len, why.data, (int)log.len,
            log.data ? log.data : "");
  }
  buf_free(&why);
  buf_free(&log);
  return err ? CLI_FAILED : CLI_OK;
}

/* Where there is no summary that shows them. */
static void tell_errors(const struct tally *errors) {
  for (unsigned i = 0; i < errors->kinds; i++)
    fprintf(stderr, "perigee: %llu connections or messages failed: %s\n",
            (unsigned long long)errors->kind[i].count, errors->kind[i].name);
}

/* Prints what there is to print, also when something has failed. */
static int tell(const struct request *request, struct script *script,
                const struct outcome *outcome, bool measured) {
  struct buf out = {0}, json = {0}, log = {0};
  bool good = measured && !outcome->why[0] && !outcome->interrupted &&
              outcome->errors.total == 0 &&
              outcome->expected == outcome->delivered;
  report_json(&request->plan, outcome, &json);
  if (request->json)
    buf_put(&out, json.data, json.len);
  else if (measured)
    report_text(&request->plan, outcome, &out);
  int status = cli_print(&out);
  if (!measured && !request->json)
    tell_errors(&outcome->errors);
  if (outcome->why[0] || outcome->interrupted)
    fprintf(stderr, "perigee: %s\n",
            outcome->why[0] ? outcome->why : "interrupted");
  if (script && measured && script_done(script, json.data, json.len) < 0) {
    fprintf(stderr, "perigee: %s\n", script_error(script));
    good = false;
  }
  if (!good)
    local_log(&request->local, &log);
  if (log.len > 0)
    fprintf(stderr, "the server logged:\n%.*s", (int)log.len, log.data);
  buf_free(&json);
  buf_free(&log);
  return good ? status : CLI_FAILED;
}

static int run(struct request *request) {
  const struct plan *plan = &request->plan;
  struct buf error = {0};
  struct script *script = NULL;
  struct outcome *outcome;
  if (plan->script) {
    script = script_open(plan->script, plan->connections, &error);
    if (!script) {
      fprintf(stderr, "perigee: %.*s\n", (int)error.len, error.data);
      buf_free(&error);
      return CLI_FAILED;
    }
  }
  outcome = mem_alloc(sizeof *outcome);
  bool measured = load_run(plan, script, outcome) == 0;
  int status = tell(request, script, outcome, measured);
  mem_free(outcome);
  script_free(script);
  return status;
}

static int print_handlers(void) {
  const struct embedded *file = embedded_find("bench.lua");
  struct buf out = {0};
  buf_put(&out, file->data, file->len);
  return cli_print(&out);
}

int cli_bench(int argc, char **argv) {
  struct request request = {.plan = {.window = 1,
                                     .room_size = 10,
                                     .bytes = 100,
                                     .warmup_s = 1,
                                     .duration_s = 5,
                                     .timeout_s = 5,
                                     .type = "bench.echo",
                                     .progress = isatty(STDERR_FILENO)}};
  if (cli_take_switch(&argc, argv, switches[1]))
    return print_handlers();
  int status = read_request(&request, &argc, argv);
  if (status == CLI_OK)
    status = load_config(&request, argc, argv);
  if (status == CLI_OK)
    status = make_key(&request);
  if (status == CLI_OK && !request.url)
    status = start_own(&request, argc, argv);
  if (status == CLI_OK)
    status = run(&request);
  local_stop(&request.local);
  jwt_key_free(request.plan.key);
  config_free(request.config);
  buf_free(&request.secret_flag);
  return status;
}
