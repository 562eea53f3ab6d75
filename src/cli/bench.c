/* SPDX-License-Identifier: MIT
 * perigee bench: many clients at once, and what they see.
 *
 * Without an address it starts a server of its own, so that one command shows
 * what this machine can do. Options that are not its own are options of that
 * server; with an address they say what tokens must be like, as they do with
 * `perigee token`. */
#include "cli/bench_request.h"

#include "auth/key.h"
#include "base/embedded.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "load/load.h"
#include "load/report.h"

#include <stdio.h>
#include <string.h>

/* --- tokens ------------------------------------------------------------- */

/* The configuration that tells what tokens must be like. Our own server gets
 * the flags and nothing else, so nothing else counts. */
static int load_token_config(struct bench_request *request, int argc,
                             char **argv) {
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

static int make_bench_key(struct bench_request *request) {
  const struct config *config = request->config;
  struct plan *plan = &request->plan;
  struct buf errors = {0};
  if (plan->token || !plan->dialect->has_tokens)
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

static int start_own(struct bench_request *request, int argc, char **argv) {
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
static int tell_outcome(const struct bench_request *request,
                        struct script *script, const struct outcome *outcome,
                        bool measured) {
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

static int run_bench(struct bench_request *request) {
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
  int status = tell_outcome(request, script, outcome, measured);
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

static int print_free_port(void) {
  struct buf out = {0};
  int port = local_free_port();
  if (port < 0)
    return CLI_FAILED;
  buf_printf(&out, "%d\n", port);
  return cli_print(&out);
}

int cli_bench(int argc, char **argv) {
  struct bench_request request;
  if (cli_take_switch(&argc, argv, "handlers"))
    return print_handlers();
  if (cli_take_switch(&argc, argv, "free-port"))
    return print_free_port();
  int status = bench_request_read(&request, &argc, argv);
  if (status == CLI_OK)
    status = load_token_config(&request, argc, argv);
  if (status == CLI_OK)
    status = make_bench_key(&request);
  if (status == CLI_OK && !request.url)
    status = start_own(&request, argc, argv);
  if (status == CLI_OK)
    status = run_bench(&request);
  local_stop(&request.local);
  jwt_key_free(request.plan.key);
  config_free(request.config);
  buf_free(&request.secret_flag);
  return status;
}
