/* SPDX-License-Identifier: MIT
 * The proof that a link delivers. */
#include "redis/proof.h"

#include "redis/adapter.h"
#include "redis/link_state.h"
#include "redis/reach.h"
#include "redis/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROBES_MISSED = 2, PROBES_LATE = 60 };

void proof_init(struct link *link, const char *prefix) {
  uint64_t number = 0;
  if (uv_random(NULL, NULL, &number, sizeof number, 0, NULL) < 0)
    number = uv_hrtime();
  snprintf(link->probe_channel, sizeof link->probe_channel, "%s:p:%s:%016llx",
           prefix, link->name, (unsigned long long)number);
}

/* PUBLISH answers how many have received it. */
static void on_proof_answer(void *arg, const struct reply *reply, bool sent) {
  struct link *link = arg;
  (void)sent;
  if (!reply)
    return;
  link->answers_came++;
  link->probe_answered++;
  if (reply->kind == REPLY_ERROR)
    reach_error(link, reply);
  if (reply->kind == REPLY_ERROR && link->state != LINK_UP)
    reach_fail(link, reply->text); /* an ACL: it will not be better */
  else if (reply->kind == REPLY_NUMBER && reply->number == 0)
    reach_fail(link, "this Redis does not know the link's subscriber");
}

static void send_probe(struct link *link) {
  char number[24];
  snprintf(number, sizeof number, "%llu",
           (unsigned long long)++link->probe_sent);
  struct slice words[] = {word("PUBLISH"), word(link->probe_channel),
                          word(number)};
  buf_reset(&link->text, (size_t)64 * 1024);
  words_put(&link->text, words, ARRAY_SIZE(words));
  link->probe_at = uv_hrtime();
  link->counters.probes_sent++;
  if (adapter_send(link->command.adapter, link->text.data, link->text.len,
                   on_proof_answer, link) < 0)
    reach_fail(link, "the connection is closed");
}

void proof_begin(struct link *link) {
  struct slice words[] = {word("SUBSCRIBE"), word(link->probe_channel)};
  if (!link->command.ready || !link->subscriber.ready)
    return;
  link->probe_seen = link->probe_answered = link->probe_sent;
  link->probe_missed = link->probe_late = 0;
  buf_reset(&link->text, (size_t)64 * 1024);
  words_put(&link->text, words, ARRAY_SIZE(words));
  if (adapter_send_subscription(link->subscriber.adapter, link->text.data,
                                link->text.len) < 0)
    reach_fail(link, "the connection is closed");
}

/* Whether the connection that owes us the last probe has brought anything since
 * this was asked last. */
static bool still_moves(struct link *link) {
  bool moves = link->probe_answered == link->probe_sent
                   ? link->pushes_came != link->pushes_then
                   : link->answers_came != link->answers_then;
  link->answers_then = link->answers_came;
  link->pushes_then = link->pushes_came;
  return moves;
}

/* A probe stands behind all that was sent before it: while answers come, it is
 * only late. Ending the link then would make an overload worse. */
void proof_next(struct link *link) {
  bool moves = still_moves(link);
  if (link->probe_seen == link->probe_sent) {
    link->probe_late = 0;
    send_probe(link);
    return;
  }
  link->probe_late++;
  link->probe_missed = moves ? 0 : link->probe_missed + 1;
  link->counters.probes_missed += !moves;
  if (link->probe_missed >= PROBES_MISSED)
    reach_lose(link, "two messages to itself did not come back in time");
  else if (link->probe_late >= PROBES_LATE)
    reach_lose(link, "a message to itself did not come back for long");
  else if (!moves)
    send_probe(link);
}

static void probe_arrived(struct link *link, const struct reply *payload) {
  link->probe_seen = strtoull(payload->text, NULL, 10);
  link->probe_missed = 0;
  if (link->probe_seen == link->probe_sent)
    link->round_ns = uv_hrtime() - link->probe_at;
  if (link->state == LINK_PROVING)
    reach_up(link);
  else
    link->tries = 0; /* it has been up for a while */
}

bool proof_pushed(struct link *link, const struct reply *reply) {
  struct reply kind = reply_at(reply, 0), name = reply_at(reply, 1);
  if (!reply_is(&name, link->probe_channel))
    return false;
  if (reply_is(&kind, "message")) {
    struct reply payload = reply_at(reply, 2);
    probe_arrived(link, &payload);
  } else if (link->state == LINK_PROVING) {
    send_probe(link);
  }
  return true;
}
