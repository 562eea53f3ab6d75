/* SPDX-License-Identifier: MIT
 * Reloads of all machines: what each of them does. */
#include "server/accord.h"

#include "base/log.h"
#include "base/mem.h"
#include "cluster/cluster.h"

#include <stdio.h>
#include <string.h>

/* Longer than the one that was asked waits for votes. */
enum { HOLD_S = 12, DOUBT_S = 60 };

/* --- letters -------------------------------------------------------------- */

static void free_accord_letter(struct list *node) {
  struct accord_letter *letter = container_of(node, struct accord_letter, node);
  buf_free(&letter->text);
  mem_free(letter->name);
  mem_free(letter);
}

void accord_post_take(struct accord *accord, struct accord_letter *letter) {
  list_init(&letter->node);
  if (!mailbox_post_take(&accord->letters, &letter->node))
    free_accord_letter(&letter->node);
}

/* On the cluster's thread. */
static void on_notice(void *arg, const struct cluster_notice *notice) {
  struct accord_letter *letter = mem_alloc(sizeof *letter);
  letter->kind = notice->kind;
  letter->from = notice->from;
  letter->about = notice->about;
  letter->name = mem_strndup(notice->name.at, notice->name.len);
  buf_put(&letter->text, notice->text.at, notice->text.len);
  accord_post_take(arg, letter);
}

/* --- saying --------------------------------------------------------------- */

/* What came of it here, for who was asked. */
static void report(struct accord *accord, char kind, uint64_t leader,
                   uint64_t about, char word, const struct buf *json) {
  struct buf text = {0};
  buf_putc(&text, word);
  buf_put(&text, json->data, json->len);
  cluster_notify(accord->engine, leader, kind, about,
                 (struct slice){text.data, text.len});
  buf_free(&text);
}

static void refuse_another(struct accord *accord,
                           const struct accord_letter *letter) {
  struct buf json = {0};
  buf_printf(&json,
             "{\"ok\":false,\"message\":\"a reload of all machines is under "
             "way already, which %s was asked for\"}",
             accord->leader_name);
  report(accord, ACCORD_VOTE, letter->from, letter->about, '-', &json);
  buf_free(&json);
}

/* --- from the call to the end -----------------------------------------------
 */

static void end_part(struct accord *accord) {
  accord->part = PART_IDLE;
  mem_free(accord->leader_name);
  mem_free(accord->decided);
  accord->leader_name = accord->decided = NULL;
}

/* "go", or "no" and why. */
static void obey(struct accord *accord, const char *decision) {
  struct buf why = {0};
  if (!strcmp(decision, "go")) {
    accord->part = PART_LOADING;
    reload_decide(accord->reloader, true, "");
    return;
  }
  buf_printf(&why, "%s", strncmp(decision, "no", 2) ? decision : decision + 2);
  buf_putc(&why, 0);
  end_part(accord);
  reload_decide(accord->reloader, false, why.data);
  buf_free(&why);
}

/* It was decided while this machine was still building. */
static void obey_early_decision(struct accord *accord) {
  char *decision = accord->decided;
  accord->decided = NULL;
  if (decision)
    obey(accord, decision);
  mem_free(decision);
}

static void on_prepared(void *arg, const struct reload_outcome *outcome) {
  struct accord *accord = arg;
  accord->part = PART_HELD;
  accord->part_s = 0;
  report(accord, ACCORD_VOTE, accord->leader, accord->about, '1',
         outcome->json);
  obey_early_decision(accord);
}

static void on_part_done(void *arg, const struct reload_outcome *outcome) {
  struct accord *accord = arg;
  bool good = outcome->verdict == RELOAD_OK;
  if (accord->part == PART_IDLE)
    return; /* it was decided that nothing is loaded */
  bool loading = accord->part == PART_LOADING;
  report(accord, loading ? ACCORD_OUTCOME : ACCORD_VOTE, accord->leader,
         accord->about, good ? '1' : '0', outcome->json);
  end_part(accord);
}

/* A check changes nothing, and so does not stand in the way of anything. */
struct checking {
  struct accord *accord;
  uint64_t leader, about;
};

static void on_checked(void *arg, const struct reload_outcome *outcome) {
  struct checking *checking = arg;
  report(checking->accord, ACCORD_VOTE, checking->leader, checking->about,
         outcome->verdict == RELOAD_OK ? '1' : '0', outcome->json);
  mem_free(checking);
}

static void check_here(struct accord *accord,
                       const struct accord_letter *letter) {
  struct checking *checking = mem_alloc(sizeof *checking);
  *checking = (struct checking){accord, letter->from, letter->about};
  reload_ask(accord->reloader, true, on_checked, checking);
}

static void on_call(struct accord *accord, const struct accord_letter *letter) {
  struct slice text = {letter->text.data, letter->text.len};
  if (slice_equals(text, "check")) {
    check_here(accord, letter);
    return;
  }
  if (accord->part != PART_IDLE) {
    refuse_another(accord, letter);
    return;
  }
  log_info("reload: %s asks all machines to load", letter->name);
  accord->part = PART_BUILDING;
  accord->about = letter->about;
  accord->leader = letter->from;
  accord->leader_name = mem_strdup(letter->name);
  accord_wake(accord);
  reload_prepare(accord->reloader, on_prepared, on_part_done, accord);
}

static void on_decided(struct accord *accord,
                       const struct accord_letter *letter) {
  if (accord->part == PART_IDLE || accord->about != letter->about)
    return;
  char *decision = mem_strndup(letter->text.data, letter->text.len);
  if (accord->part == PART_HELD) {
    obey(accord, decision);
  } else if (accord->part == PART_BUILDING) {
    mem_free(accord->decided);
    accord->decided = decision;
    return;
  }
  mem_free(decision);
}

static void on_accord_letter(struct mailbox *mailbox, struct list *node) {
  struct accord *accord = container_of(mailbox, struct accord, letters);
  struct accord_letter *letter = container_of(node, struct accord_letter, node);
  if (letter->kind == ACCORD_CALL)
    on_call(accord, letter);
  else if (letter->kind == ACCORD_DECIDED)
    on_decided(accord, letter);
  if (letter->kind != ACCORD_CALL)
    accord_lead_letter(accord, letter);
  free_accord_letter(node);
}

/* --- waiting ----------------------------------------------------------------
 */

/* Nobody says what was decided. */
static void second_of_part(struct accord *accord) {
  struct buf proposal = {0};
  if (accord->part != PART_HELD)
    return;
  if (++accord->part_s < HOLD_S)
    return;
  if (accord->part_s >= DOUBT_S) {
    obey(accord, "noRedis does not say what the machines have decided: perigee "
                 "nodes shows who has which scripts");
    return;
  }
  buf_printf(&proposal, "no%s has not heard what is decided for %d s",
             cluster_name(accord->engine), HOLD_S);
  cluster_decide(accord->engine, ACCORD_DECIDED, accord->about,
                 (struct slice){proposal.data, proposal.len});
  buf_free(&proposal);
}

static void on_accord_second(uv_timer_t *clock) {
  struct accord *accord = container_of(clock, struct accord, clock);
  second_of_part(accord);
  accord_lead_second(accord);
  if (accord->part == PART_IDLE && accord->lead == LEAD_IDLE)
    uv_timer_stop(clock);
}

void accord_wake(struct accord *accord) {
  if (!uv_is_active((uv_handle_t *)&accord->clock))
    uv_timer_start(&accord->clock, on_accord_second, 1000, 1000);
}

/* --- life ----------------------------------------------------------------- */

void accord_open(struct accord *accord, struct engine *engine,
                 struct reloader *reloader, uv_loop_t *loop) {
  *accord = (struct accord){.reloader = reloader, .open = true};
  mailbox_init(&accord->letters, loop, on_accord_letter);
  uv_timer_init(loop, &accord->clock);
  if (!engine_is_shared(engine))
    return;
  accord->engine = engine;
  cluster_listen(engine, on_notice, accord);
}

void accord_close(struct accord *accord) {
  accord_lead_close(accord);
  mailbox_close(&accord->letters);
  uv_close((uv_handle_t *)&accord->clock, NULL);
}

void accord_free(struct accord *accord) {
  struct list *node;
  if (!accord->open)
    return;
  while ((node = list_shift(&accord->letters.letters)))
    free_accord_letter(node);
  mailbox_free(&accord->letters);
  end_part(accord);
}
