/* SPDX-License-Identifier: MIT
 * Reloads of all machines: what the one does that was asked. */
#include "base/log.h"
#include "base/mem.h"
#include "cluster/cluster.h"
#include "server/accord.h"
#include "wire/json.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* All together less than perigee reload waits. */
enum { VOTES_S = 8, DECISION_S = 25, OUTCOMES_S = 15 };

/* --- voters --------------------------------------------------------------- */

static void free_voters(struct accord *accord) {
  for (size_t i = 0; i < accord->voter_count; i++) {
    mem_free(accord->voters[i].name);
    buf_free(&accord->voters[i].answer);
  }
  mem_free(accord->voters);
  accord->voters = NULL;
  accord->voter_count = 0;
}

static struct voter *find_voter(const struct accord *accord, uint64_t id) {
  for (size_t i = 0; i < accord->voter_count; i++)
    if (accord->voters[i].id == id)
      return &accord->voters[i];
  return NULL;
}

static struct voter *add_voter(struct accord *accord, uint64_t id,
                               const char *name) {
  size_t count = accord->voter_count + 1;
  accord->voters = mem_realloc(accord->voters, count * sizeof *accord->voters);
  struct voter *voter = &accord->voters[accord->voter_count++];
  *voter = (struct voter){.id = id, .name = mem_strdup(name)};
  return voter;
}

/* A machine that was started anew has another id, and the same name. What is
 * left of its former life does not vote. */
static void take_node(struct accord *accord, const json_t *node) {
  const char *name = json_string_value(json_object_get(node, "name"));
  const char *id = json_string_value(json_object_get(node, "id"));
  int64_t started_s = json_integer_value(json_object_get(node, "started"));
  if (!name || !id)
    return;
  uint64_t number = strtoull(id, NULL, 16);
  struct voter *voter = NULL;
  for (size_t i = 0; i < accord->voter_count; i++)
    if (!strcmp(accord->voters[i].name, name))
      voter = &accord->voters[i];
  if (!voter)
    voter = add_voter(accord, number, name);
  if (started_s >= voter->started_s) {
    voter->id = number;
    voter->started_s = started_s;
  }
}

static int by_name(const void *a, const void *b) {
  const struct voter *x = a, *y = b;
  return strcmp(x->name, y->name);
}

/* --- the answer -------------------------------------------------------------
 */

static void put_voter(struct buf *out, const struct voter *voter) {
  bool said = voter->answer.len > 0;
  json_put_string(out, voter->name, strlen(voter->name));
  buf_printf(out, ",\"answered\":%s,\"answer\":", said ? "true" : "false");
  if (said)
    buf_put(out, voter->answer.data, voter->answer.len);
  else
    buf_puts(out, "{\"ok\":false,\"message\":\"no answer in time\"}");
}

/* Answers who has asked; nothing is under way any more. */
static void end_lead(struct accord *accord, bool ok, unsigned status,
                     const char *message) {
  struct buf out = {0};
  struct admin_request *request = accord->request;
  if (accord->voter_count > 0)
    qsort(accord->voters, accord->voter_count, sizeof *accord->voters, by_name);
  buf_printf(&out, "{\"ok\":%s,\"check\":%s,\"loaded\":%s",
             ok ? "true" : "false", accord->check ? "true" : "false",
             accord->lead == LEAD_LOADING ? "true" : "false");
  if (*message) {
    buf_puts(&out, ",\"message\":");
    json_put_string(&out, message, strlen(message));
  }
  buf_puts(&out, ",\"nodes\":[");
  for (size_t i = 0; i < accord->voter_count; i++) {
    buf_puts(&out, i ? ",{\"name\":" : "{\"name\":");
    put_voter(&out, &accord->voters[i]);
    buf_putc(&out, '}');
  }
  buf_puts(&out, "]}\n");
  accord->lead = LEAD_IDLE;
  accord->request = NULL;
  free_voters(accord);
  buf_reset(&accord->proposal, 0);
  admin_answer(request, status, "application/json", &out);
}

/* --- deciding ---------------------------------------------------------------
 */

static void enter_lead(struct accord *accord, enum accord_lead state) {
  accord->lead = state;
  accord->lead_s = 0;
}

static void propose(struct accord *accord) {
  cluster_decide(accord->engine, ACCORD_DECIDED, accord->led,
                 (struct slice){accord->proposal.data, accord->proposal.len});
}

/* Who is in the way: "web-2 cannot load, web-3 has not answered in 10 s". */
static bool put_objections(const struct accord *accord, struct buf *out) {
  size_t count = 0;
  for (size_t i = 0; i < accord->voter_count; i++) {
    const struct voter *voter = &accord->voters[i];
    if (voter->voted && voter->agrees)
      continue;
    buf_printf(out, "%s%s", count++ ? ", " : "", voter->name);
    if (voter->busy)
      buf_puts(out, " is part of another reload");
    else if (voter->voted)
      buf_puts(out, " cannot load");
    else
      buf_printf(out, " has not answered in %d s", VOTES_S);
  }
  return count > 0;
}

/* All have voted, or some have not in time. */
static void close_vote(struct accord *accord) {
  struct buf why = {0};
  bool refused = put_objections(accord, &why);
  if (accord->check) {
    buf_putc(&why, 0);
    end_lead(accord, !refused, refused ? 422 : 200, refused ? why.data : "");
  } else {
    buf_reset(&accord->proposal, 0);
    buf_puts(&accord->proposal, refused ? "no" : "go");
    buf_put(&accord->proposal, why.data, why.len);
    enter_lead(accord, LEAD_DECIDING);
    propose(accord);
  }
  buf_free(&why);
}

static bool have_all_voted(const struct accord *accord) {
  for (size_t i = 0; i < accord->voter_count; i++)
    if (!accord->voters[i].voted)
      return false;
  return true;
}

/* They loaded, or were about to. */
static void close_loading(struct accord *accord) {
  struct buf why = {0};
  for (size_t i = 0; i < accord->voter_count; i++) {
    struct voter *voter = &accord->voters[i];
    if (voter->ended && voter->good)
      continue;
    if (!voter->ended)
      buf_reset(&voter->answer, 0);
    buf_printf(&why, "%s%s%s", why.len ? ", " : "", voter->name,
               !voter->ended   ? " had agreed, and does not say that it has"
               : voter->agrees ? "'s @start has failed"
                               : ", which has just come, cannot load");
  }
  bool good = why.len == 0;
  if (!good)
    buf_puts(&why, ": all machines were told to load");
  buf_putc(&why, 0);
  end_lead(accord, good, good ? 200 : 422, why.data);
  buf_free(&why);
}

static bool have_all_ended(const struct accord *accord) {
  for (size_t i = 0; i < accord->voter_count; i++)
    if (!accord->voters[i].ended)
      return false;
  return true;
}

/* Then that one may load everywhere. */
static bool is_another_under_way(const struct accord *accord) {
  for (size_t i = 0; i < accord->voter_count; i++)
    if (accord->voters[i].busy)
      return true;
  return false;
}

static void on_decision(struct accord *accord, struct slice decision) {
  if (accord->check ||
      (accord->lead != LEAD_VOTING && accord->lead != LEAD_DECIDING))
    return;
  if (slice_equals(decision, "go")) {
    enter_lead(accord, LEAD_LOADING);
    if (have_all_ended(accord))
      close_loading(accord);
    return;
  }
  struct buf why = {0};
  buf_put(&why, decision.at + 2, decision.len - 2);
  buf_puts(&why, is_another_under_way(accord)
                     ? ": this reload has loaded nothing"
                     : ": nothing was loaded on any machine");
  buf_putc(&why, 0);
  end_lead(accord, false, 422, why.data);
  buf_free(&why);
}

/* --- what comes -------------------------------------------------------------
 */

static void begin_vote(struct accord *accord, const struct buf *list) {
  const char *what = accord->check ? "check" : "load";
  json_t *nodes = json_loadb(list->len ? list->data : "", list->len, 0, NULL);
  for (size_t i = 0; i < json_array_size(nodes); i++)
    take_node(accord, json_array_get(nodes, i));
  json_decref(nodes);
  if (accord->voter_count == 0) {
    end_lead(accord, false, 503, "Redis is not there: nothing was asked");
    return;
  }
  enter_lead(accord, LEAD_VOTING);
  cluster_notify(accord->engine, 0, ACCORD_CALL, accord->led,
                 (struct slice){what, strlen(what)});
}

/* A VOTE or an OUTCOME: a byte, and JSON. Who cannot load says no more. */
static void take_opinion(struct accord *accord,
                         const struct accord_letter *letter) {
  struct voter *voter = find_voter(accord, letter->from);
  bool vote = letter->kind == ACCORD_VOTE;
  bool good = letter->text.len > 0 && letter->text.data[0] == '1';
  if (!voter && !vote)
    return;
  if (!voter) /* it has just come */
    voter = add_voter(accord, letter->from, letter->name);
  *(vote ? &voter->voted : &voter->ended) = true;
  *(vote ? &voter->agrees : &voter->good) = good;
  voter->busy = vote && letter->text.data[0] == '-';
  voter->ended |= vote && !good;
  buf_reset(&voter->answer, 0);
  buf_put(&voter->answer, letter->text.data + 1, letter->text.len - 1);
  if (accord->lead == LEAD_VOTING && have_all_voted(accord))
    close_vote(accord);
  else if (accord->lead == LEAD_LOADING && have_all_ended(accord))
    close_loading(accord);
}

void accord_lead_letter(struct accord *accord, struct accord_letter *letter) {
  bool ours = accord->lead != LEAD_IDLE && letter->about == accord->led;
  if (!ours)
    return;
  if (letter->kind == 0) {
    begin_vote(accord, &letter->text);
  } else if (letter->kind == ACCORD_DECIDED && letter->text.len >= 2) {
    on_decision(accord, (struct slice){letter->text.data, letter->text.len});
  } else if ((letter->kind == ACCORD_VOTE || letter->kind == ACCORD_OUTCOME) &&
             letter->text.len > 0) {
    take_opinion(accord, letter);
  }
}

/* --- waiting ----------------------------------------------------------------
 */

void accord_lead_second(struct accord *accord) {
  accord->lead_s++;
  switch (accord->lead) {
  case LEAD_IDLE:
  case LEAD_LISTING: /* an answer comes in any case */
    break;
  case LEAD_VOTING:
    if (accord->lead_s >= VOTES_S)
      close_vote(accord);
    break;
  case LEAD_DECIDING:
    if (accord->lead_s >= DECISION_S)
      end_lead(accord, false, 503,
               "Redis does not say what the machines have decided: perigee "
               "nodes shows who has which scripts");
    else
      propose(accord);
    break;
  case LEAD_LOADING:
    if (accord->lead_s >= OUTCOMES_S)
      close_loading(accord);
    break;
  }
}

/* --- asking -----------------------------------------------------------------
 */

/* On the cluster's thread. */
struct listing {
  struct accord *accord;
  uint64_t about;
};

static void on_machines(void *arg, const struct buf *list) {
  struct listing *listing = arg;
  struct accord_letter *letter = mem_alloc(sizeof *letter);
  letter->about = listing->about;
  if (list)
    buf_put(&letter->text, list->data, list->len);
  accord_post_take(listing->accord, letter);
  mem_free(listing);
}

static void refuse_ask(struct admin_request *request, unsigned status,
                       const char *why) {
  struct buf out = {0};
  buf_puts(&out, "{\"ok\":false,\"message\":");
  json_put_string(&out, why, strlen(why));
  buf_puts(&out, ",\"nodes\":[]}\n");
  admin_answer(request, status, "application/json", &out);
}

void accord_ask(struct accord *accord, bool check,
                struct admin_request *request) {
  if (!accord->engine) {
    refuse_ask(request, 404,
               "this server is alone (engine = memory): reload it without all");
    return;
  }
  if (accord->lead != LEAD_IDLE || accord->reloader->stopped) {
    refuse_ask(request, 503,
               accord->reloader->stopped
                   ? "the server is ending"
                   : "a reload of all machines is under way already");
    return;
  }
  accord->led = cluster_self(accord->engine) + ++accord->calls;
  accord->check = check;
  accord->request = request;
  enter_lead(accord, LEAD_LISTING);
  accord_wake(accord);
  struct listing *listing = mem_alloc(sizeof *listing);
  *listing = (struct listing){accord, accord->led};
  cluster_nodes(accord->engine, on_machines, listing);
}

void accord_lead_close(struct accord *accord) {
  if (accord->lead != LEAD_IDLE)
    end_lead(accord, false, 503, "the server is ending");
  buf_free(&accord->proposal);
}
