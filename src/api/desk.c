/* SPDX-License-Identifier: MIT
 * Questions of backends to scripts. */
#include "api/desk.h"

#include "base/mem.h"
#include "script/call.h"

#include <stdio.h>
#include <string.h>

enum { HANDLER_NAME_BYTES = MSG_TYPE_BYTES + 8 };

struct api_ask *ask_new(void) {
  struct api_ask *ask = mem_alloc(sizeof *ask);
  list_init(&ask->node);
  return ask;
}

void ask_free(struct api_ask *ask) {
  if (!ask)
    return;
  buf_free(&ask->request);
  buf_free(&ask->body);
  mem_free(ask);
}

/* Home with it. The API outlives the workers; if it has ended all the same,
 * nobody waits any more. */
static void send_answer_now(struct ticket_item *item) {
  struct api_ask *ask = container_of(item, struct api_ask, after);
  ask->desk->waiting--;
  if (!mailbox_post_take(ask->home, &ask->node))
    ask_free(ask);
}

static void send_answer(struct api_ask *ask) {
  if (!ticket_queue_add(ask->desk->protocol->host.after, &ask->after,
                        send_answer_now))
    send_answer_now(&ask->after);
}

/* --- the handler -------------------------------------------------------- */

static void on_handler_asked(const struct call_spec *spec,
                             const struct call_result *result) {
  static const char null[] = "null";
  struct api_ask *ask = spec->arg;
  const struct call_arg *value = &result->value[0];
  ask->done = result->verdict == CALL_OK;
  if (result->verdict == CALL_FAILED) {
    problem_set(&ask->problem, result->err, "%s", err_text(result->err));
    snprintf(ask->problem.ref, sizeof ask->problem.ref, "%s", result->ref);
  } else if (result->verdict == CALL_REFUSED) {
    problem_set_refusal(&ask->problem, result->code, result->text);
    buf_put(&ask->body, value->text, value->len);
  } else if (value->len > 0) {
    buf_put(&ask->body, value->text, value->len);
  } else {
    buf_puts(&ask->body, null);
  }
  send_answer(ask);
}

/* Whether the declaration lets it in; else with a problem. */
static bool admit_ask(struct protocol *protocol, const struct handler *handler,
                      struct api_ask *ask) {
  struct buf why = {0};
  uint32_t wait_ms =
      handler->rate > 0
          ? rates_take(protocol->rates, handler->name, ask->key, handler->rate,
                       handler->burst, uv_now(protocol->loop))
          : 0;
  if (wait_ms > 0) {
    problem_set(&ask->problem, ERR_RATE_LIMITED, "%s has a rate", ask->type);
    ask->problem.retry_s = (wait_ms + 999) / 1000;
    return false;
  }
  bool fits =
      !handler->schema ||
      schema_check(handler->schema,
                   ask->data_len > 0 ? ask->request.data + ask->data_at : NULL,
                   ask->data_len, &why) == 0 ||
      problem_set(&ask->problem, ERR_BAD_REQUEST, "%.*s", (int)why.len,
                  why.data);
  buf_free(&why);
  return fits;
}

static void answer_ask(struct protocol *protocol, struct api_ask *ask) {
  char name[HANDLER_NAME_BYTES];
  struct generation *live = protocol->host.live;
  int len = snprintf(name, sizeof name, "@http %s", ask->type);
  const struct handler *handler = generation_handler(live, name, (size_t)len);
  if (!handler)
    problem_set(&ask->problem, ERR_UNKNOWN_TYPE,
                "no script has a handler [\"%s\"]", name);
  if (!handler || !admit_ask(protocol, handler, ask)) {
    send_answer(ask);
    return;
  }
  struct call_spec spec = {
      .handler = handler,
      .args = {{CALL_JSON, ask->request.data, ask->request.len}},
      .nargs = 1,
      .results = 1,
      .done = on_handler_asked,
      .arg = ask,
  };
  call_run(live, &spec);
}

static void on_desk_letter(struct mailbox *mailbox, struct list *node) {
  struct desk *desk = container_of(mailbox, struct desk, mailbox);
  answer_ask(desk->protocol, container_of(node, struct api_ask, node));
}

/* --- life --------------------------------------------------------------- */

void desk_open(struct desk *desk, struct protocol *protocol, uv_loop_t *loop) {
  desk->protocol = protocol;
  desk->open = true;
  mailbox_init(&desk->mailbox, loop, on_desk_letter);
  desk->mailbox.turn = &protocol->host.turn;
}

/* Those that have come and were not looked at get an answer all the same. */
void desk_close(struct desk *desk) {
  struct list *node;
  if (!desk->open)
    return;
  mailbox_close(&desk->mailbox);
  while ((node = list_shift(&desk->mailbox.letters))) {
    struct api_ask *ask = container_of(node, struct api_ask, node);
    problem_set(&ask->problem, ERR_UNAVAILABLE, "the server is ending");
    send_answer(ask);
  }
}

void desk_free(struct desk *desk) {
  if (desk->open)
    mailbox_free(&desk->mailbox);
}

bool desk_ask_take(struct desk *desk, struct api_ask *ask) {
  ask->desk = desk;
  desk->waiting++;
  if (mailbox_post_take(&desk->mailbox, &ask->node))
    return true;
  desk->waiting--;
  return false;
}
