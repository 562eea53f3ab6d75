/* SPDX-License-Identifier: MIT
 * perigee events: what waits for the backend, and what it did not want. */
#include "cli/cli.h"
#include "events/visit.h"
#include "wire/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SHOWN = 50, ID_ARGS_MAX = 256 };

const char cli_events_help[] =
    "  list             those that wait, the oldest first\n"
    "  show ID          one of them, or a dead letter, with all that is known\n"
    "  replay ID ...    dead letters wait again, behind the others\n"
    "  drop ID ...      the backend never hears of them\n"
    "\n"
    "  --dead           list, drop: of the dead letters\n"
    "  --user ID        list, replay, drop: only those of that user\n"
    "  --type TYPE      and of that type; `order.*` stands for several\n"
    "  --limit N        list: at most so many [50]\n"
    "  --all            replay, drop: all of them, or of that user and type\n"
    "  --json           list, show: a JSON object in each line\n"
    "\n"
    "The file is events.file; a server may be using it.\n\n";

struct request {
  struct visit_which which;
  bool json, all;
  const char *ids[ID_ARGS_MAX];
  int id_count;
  struct buf out;
  int64_t found;
};

/* --- showing ------------------------------------------------------------ */

static void put_event_time(int64_t at_ms, struct buf *out) {
  char text[32];
  time_t seconds = (time_t)(at_ms / 1000);
  struct tm tm;
  gmtime_r(&seconds, &tm);
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
  buf_printf(out, "%s.%03dZ", text, (int)(at_ms % 1000));
}

static void put_json(const struct visit_event *event, struct buf *out) {
  if (!event->status) {
    buf_printf(out, "%s\n", event->body);
    return;
  }
  buf_printf(out, "{\"event\":%s,\"status\":%d,\"buried\":%lld,\"answer\":",
             event->body, event->status, (long long)event->buried_ms);
  json_put_string(out, event->answer, strlen(event->answer));
  buf_puts(out, "}\n");
}

static void list_event(void *arg, const struct visit_event *event) {
  struct request *request = arg;
  request->found++;
  if (request->json) {
    put_json(event, &request->out);
    return;
  }
  buf_printf(&request->out, "%s  ", event->id);
  put_event_time(event->at_ms, &request->out);
  buf_printf(&request->out, "  %s  %s  ", event->type,
             *event->user ? event->user : "-");
  if (event->status)
    buf_printf(&request->out, "%d  ", event->status);
  buf_printf(&request->out, "%s\n", event->data);
}

static void show_event(void *arg, const struct visit_event *event) {
  struct request *request = arg;
  struct buf *out = &request->out;
  request->found++;
  if (request->json) {
    put_json(event, out);
    return;
  }
  buf_printf(out, "id      %s\ntype    %s\nuser    %s\nat      ", event->id,
             event->type, *event->user ? event->user : "-");
  put_event_time(event->at_ms, out);
  buf_printf(out, "\ndata    %s\nstate   %s\n", event->data,
             event->status ? "dead letter" : "waits");
  if (!event->status)
    return;
  buf_printf(out, "answer  %d %s\nburied  ", event->status, event->answer);
  put_event_time(event->buried_ms, out);
  buf_putc(out, '\n');
}

/* --- doing -------------------------------------------------------------- */

static int fail_visit(const struct buf *error) {
  fprintf(stderr, "perigee: events.file: %.*s\n", (int)error->len, error->data);
  return CLI_FAILED;
}

static int list_events(struct visit *visit, struct request *request) {
  struct buf error = {0};
  int status = CLI_OK;
  if (visit_each(visit, &request->which, list_event, request, &error))
    status = fail_visit(&error);
  else
    status = cli_print(&request->out);
  buf_free(&error);
  return status;
}

static int show_events(struct visit *visit, struct request *request) {
  struct buf error = {0};
  int status = CLI_OK;
  for (int dead = 0; dead < 2 && status == CLI_OK; dead++) {
    request->which.dead = dead;
    request->which.id = request->ids[0];
    if (visit_each(visit, &request->which, show_event, request, &error))
      status = fail_visit(&error);
  }
  buf_free(&error);
  if (status != CLI_OK)
    return status;
  if (request->found > 0)
    return cli_print(&request->out);
  fprintf(stderr,
          "perigee: no event %s waits, and no dead letter has this id\n",
          request->ids[0]);
  return CLI_FAILED;
}

typedef int change_fn(struct visit *visit, const struct visit_which *which,
                      int64_t *count, struct buf *error);

/* One call for each id; or one for all. */
static int change_events(struct visit *visit, struct request *request,
                         change_fn *change, const char *done) {
  struct buf error = {0};
  int64_t all = 0;
  int status = CLI_OK;
  for (int i = 0; i == 0 || i < request->id_count; i++) {
    int64_t count = 0;
    request->which.id = request->id_count > 0 ? request->ids[i] : NULL;
    if (change(visit, &request->which, &count, &error)) {
      status = fail_visit(&error);
      break;
    }
    all += count;
    if (count == 0 && request->which.id) {
      fprintf(stderr, "perigee: %s: there is none with this id\n",
              request->which.id);
      status = CLI_FAILED;
    }
  }
  buf_free(&error);
  printf("%lld %s\n", (long long)all, done);
  return fflush(stdout) ? CLI_FAILED : status;
}

static int do_events(const char *what, struct visit *visit,
                     struct request *request) {
  if (!strcmp(what, "list"))
    return list_events(visit, request);
  if (!strcmp(what, "show"))
    return show_events(visit, request);
  if (!strcmp(what, "replay"))
    return change_events(visit, request, visit_replay, "wait again");
  return change_events(visit, request, visit_drop, "dropped");
}

/* --- what was asked for ------------------------------------------------- */

static int check_event_request(const char *what,
                               const struct request *request) {
  bool lists = !strcmp(what, "list"), shows = !strcmp(what, "show");
  bool changes = !strcmp(what, "replay") || !strcmp(what, "drop");
  bool chooses = request->which.user || request->which.type;
  if (!lists && !shows && !changes)
    return cli_refuse("events: `%s` is none of list, show, replay, drop", what);
  if (lists && request->id_count > 0)
    return cli_refuse("events: `list` takes no id: `show` does");
  if (shows && request->id_count != 1)
    return cli_refuse("events: say which one: perigee events show ID");
  if (changes && (request->id_count > 0) == request->all)
    return cli_refuse("events: say which ones: perigee events %s ID ..., or "
                      "--all (of a --user, of a --type)",
                      what);
  if (changes && request->id_count > 0 && chooses)
    return cli_refuse("events: with ids there is no --user and no --type");
  if (shows && (chooses || request->which.dead))
    return cli_refuse("events: `show` takes an id, and looks everywhere");
  return CLI_OK;
}

static int read_limit(const char *text, int64_t *limit) {
  char *end;
  if (!text)
    return CLI_OK;
  *limit = strtoll(text, &end, 10);
  if (*end || *limit < 1)
    return cli_refuse("events: --limit: `%s` is no number from 1 on", text);
  return CLI_OK;
}

static int read_request(struct request *request, const char **what, int *argc,
                        char **argv) {
  const char *word, *limit = cli_take(argc, argv, "limit");
  request->which.dead = cli_take_switch(argc, argv, "dead");
  request->json = cli_take_switch(argc, argv, "json");
  request->all = cli_take_switch(argc, argv, "all");
  request->which.user = cli_take(argc, argv, "user");
  request->which.type = cli_take(argc, argv, "type");
  *what = cli_take_folder(argc, argv);
  if (!*what)
    *what = "list";
  while ((word = cli_take_folder(argc, argv)))
    if (request->id_count < ID_ARGS_MAX)
      request->ids[request->id_count++] = word;
  request->which.limit = strcmp(*what, "list") != 0 ? -1 : SHOWN;
  int status = read_limit(limit, &request->which.limit);
  return status == CLI_OK ? check_event_request(*what, request) : status;
}

int cli_events(int argc, char **argv) {
  struct request request = {0};
  struct config *config = NULL;
  struct buf error = {0};
  const char *what;
  int status = read_request(&request, &what, &argc, argv);
  if (status == CLI_OK)
    status = cli_load(CONFIG_PRODUCTION, argc, argv, &config);
  if (status != CLI_OK)
    return status;
  struct visit *visit = visit_open(config->events_file, &error);
  if (visit) {
    status = do_events(what, visit, &request);
  } else {
    fprintf(stderr, "perigee: events.file: %s: %.*s\n", config->events_file,
            (int)error.len, error.data);
    status = CLI_FAILED;
  }
  visit_close(visit);
  buf_free(&error);
  config_free(config);
  return status;
}
