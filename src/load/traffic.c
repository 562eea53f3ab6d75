/* SPDX-License-Identifier: MIT
 * What is sent, and how an arriving message is matched. */
#include "load/traffic.h"

#include "base/mem.h"
#include "protocol/field.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  SLOT_DIGITS = 8,
  TIME_DIGITS = 16,
  BACKLOG_BYTES = 1024 * 1024, /* with more, a sender has to wait */
  RING = 65536, /* open loop: messages of a script that may be under way */
  PROBE = 1,    /* the time of a probe: no clock says that */
};

/* Slot of the messages that nobody waits for. */
#define NO_SLOT UINT32_MAX

/* The id of the probe is beyond those of slots. */
#define PROBE_ID (UINT64_C(1) << 52)

static bool open_loop(const struct traffic *traffic) {
  return traffic->plan->rate > 0;
}

/* --- the mark ----------------------------------------------------------- */

static bool read_mark_hex(const char *text, int digits, uint64_t *value) {
  uint64_t sum = 0;
  for (int i = 0; i < digits; i++) {
    unsigned char c = (unsigned char)text[i];
    unsigned digit = c - '0';
    if (digit > 9)
      digit = c - 'a' + 10u;
    if (digit > 15 || (c >= '9' + 1 && c < 'a'))
      return false;
    sum = sum << 4 | digit;
  }
  *value = sum;
  return true;
}

/* --- sending ------------------------------------------------------------ */

/* The receivers of a message to this room; with other scenarios there is
 * one.
 */
static unsigned receivers_in(const struct traffic *traffic, int room) {
  return room >= 0 ? traffic->crowd->members[room] : 1;
}

static void put_payload(struct traffic *traffic, uint32_t slot, uint64_t time) {
  struct buf *out = &traffic->data;
  out->len = 0;
  buf_puts(out, "{\"k\":\"#");
  dialect_put_hex(out, slot, SLOT_DIGITS);
  dialect_put_hex(out, time, TIME_DIGITS);
  buf_puts(out, "\",\"p\":\"");
  size_t used = out->len + 2;
  size_t more = traffic->plan->bytes > used ? traffic->plan->bytes - used : 0;
  memset(buf_reserve(out, more), 'x', more);
  out->len += more;
  buf_puts(out, "\"}");
}

static unsigned any_user(const struct plan *plan) {
  return (unsigned)random() % (plan->active ? plan->active : plan->connections);
}

/* The text of one of our own messages; returns the room it goes to, or -1. An
 * id asks for an answer: echo needs one, else only the probe wants it. */
static int compose(struct traffic *traffic, unsigned sender, uint32_t slot,
                   uint64_t time) {
  const struct plan *plan = traffic->plan;
  struct utterance said = {.type = plan->type,
                           .id = time == PROBE ? PROBE_ID : 0,
                           .from = sender,
                           .data = &traffic->data};
  struct buf *out = &traffic->text;
  out->len = 0;
  put_payload(traffic, slot, time);
  if (plan->scenario == PLAN_ECHO) {
    if (said.id == 0)
      said.id = (uint64_t)slot + 1;
    plan->dialect->put_echo(out, &said);
    return -1;
  }
  if (plan->scenario == PLAN_USER) {
    said.to = any_user(plan);
    plan->dialect->put_user(out, &said);
    return -1;
  }
  int room = plan->scenario == PLAN_ROOM ? 0 : plan_room_of(plan, sender);
  said.to = (unsigned)room;
  plan->dialect->put_room(out, &said);
  return room;
}

static void fail_script(struct traffic *traffic) {
  traffic->failed = true;
  traffic->sending = false;
  snprintf(traffic->outcome->why, sizeof traffic->outcome->why, "%s",
           script_error(traffic->script));
}

/* The id says which slot, and differs from those that the slot had before. */
static bool compose_script(struct traffic *traffic, unsigned sender,
                           uint32_t slot) {
  uint64_t id = (traffic->sends + 1) * traffic->slot_count + slot;
  traffic->text.len = 0;
  int some = script_request(traffic->script, sender, id, &traffic->text);
  if (some < 0)
    fail_script(traffic);
  traffic->slots[slot].id = id;
  return some > 0;
}

static void count_sent(struct traffic *traffic, uint64_t time, unsigned count) {
  traffic->sends++;
  traffic->sent_to += count;
  if (time < traffic->from || time >= traffic->to)
    return;
  traffic->outcome->sent++;
  traffic->outcome->expected += count;
}

/* Sends the next message of a client, for a slot or for none. False when it
 * has nothing to say. */
static bool send_next(struct traffic *traffic, struct client *client,
                      uint32_t slot, uint64_t time) {
  unsigned sender = client->peer.index, count = 1;
  if (traffic->script) {
    if (!compose_script(traffic, sender, slot))
      return false;
  } else {
    count = receivers_in(traffic, compose(traffic, sender, slot, time));
  }
  if (count == 0)
    return false;
  if (slot != NO_SLOT) {
    traffic->slots[slot].time = time;
    traffic->slots[slot].missing = count;
  }
  count_sent(traffic, time, count);
  peer_send(&client->peer, traffic->text.data, traffic->text.len);
  return true;
}

static struct client *sender_of(const struct traffic *traffic,
                                unsigned number) {
  if (traffic->plan->active)
    return &traffic->crowd->clients[any_user(traffic->plan)];
  return &traffic->crowd->clients[plan_sender(traffic->plan, number)];
}

static void send_slot(struct traffic *traffic, uint32_t slot) {
  struct client *client = sender_of(traffic, slot / traffic->plan->window);
  traffic->slots[slot].time = 0;
  if (traffic->sending && client->stage == CLIENT_IN)
    send_next(traffic, client, slot, uv_hrtime());
}

void traffic_begin(struct traffic *traffic) {
  traffic->sending = true;
  if (open_loop(traffic))
    return;
  for (uint32_t slot = 0; slot < traffic->slot_count; slot++)
    send_slot(traffic, slot);
}

/* The next slot of the ring, if what it had has come back. */
static bool ring_slot(struct traffic *traffic, uint32_t *slot) {
  *slot = NO_SLOT;
  if (!traffic->script)
    return true;
  *slot = (uint32_t)(traffic->sends % traffic->slot_count);
  return traffic->slots[*slot].time == 0;
}

bool traffic_due(struct traffic *traffic, uint64_t due) {
  uint32_t slot;
  if (!traffic->sending || due >= traffic->to || !ring_slot(traffic, &slot))
    return false;
  for (unsigned i = 0; i < traffic->plan->senders; i++) {
    struct client *client = sender_of(traffic, traffic->turn);
    traffic->turn = (traffic->turn + 1) % traffic->plan->senders;
    if (client->stage != CLIENT_IN ||
        peer_backlog(&client->peer) > BACKLOG_BYTES)
      continue;
    send_next(traffic, client, slot, due);
    return true;
  }
  return false;
}

void traffic_probe(struct traffic *traffic) {
  for (unsigned i = 0; i < traffic->plan->senders; i++) {
    struct client *client = sender_of(traffic, i);
    if (client->stage != CLIENT_IN)
      continue;
    compose(traffic, client->peer.index, NO_SLOT, PROBE);
    peer_send(&client->peer, traffic->text.data, traffic->text.len);
    return;
  }
}

/* --- receiving ---------------------------------------------------------- */

static void count_arrival(struct traffic *traffic, uint64_t time,
                          uint64_t now) {
  struct outcome *outcome = traffic->outcome;
  traffic->reached++;
  if (now >= traffic->from && now < traffic->to)
    outcome->arrived++;
  if (time < traffic->from || time >= traffic->to)
    return;
  outcome->delivered++;
  hist_add(&outcome->latency, now > time ? now - time : 0);
}

static void complete_slot(struct traffic *traffic, uint32_t slot) {
  traffic->slots[slot].time = 0;
  if (!open_loop(traffic))
    send_slot(traffic, slot);
}

bool traffic_text(struct traffic *traffic, struct client *client,
                  const char *text, size_t len) {
  uint64_t slot, time, now;
  (void)client;
  if (traffic->script)
    return false;
  const char *mark = memchr(text, '#', len);
  if (!mark || text + len - mark <= SLOT_DIGITS + TIME_DIGITS ||
      !read_mark_hex(mark + 1, SLOT_DIGITS, &slot) ||
      !read_mark_hex(mark + 1 + SLOT_DIGITS, TIME_DIGITS, &time))
    return false;
  if (time == PROBE) /* an echo is the answer itself */
    return traffic->plan->scenario != PLAN_ECHO;
  now = uv_hrtime();
  count_arrival(traffic, time, now);
  if (slot < traffic->slot_count && traffic->slots[slot].time == time &&
      --traffic->slots[slot].missing == 0)
    complete_slot(traffic, (uint32_t)slot);
  return true;
}

static void on_probe_answer(struct traffic *traffic,
                            const struct envelope *env) {
  char code[64], *why = traffic->outcome->why;
  const char *type = traffic->plan->scenario == PLAN_ECHO ? traffic->plan->type
                     : traffic->plan->scenario == PLAN_USER ? "bench.user"
                                                            : "bench.room";
  size_t len;
  traffic->probed = true;
  if (strcmp(env->type, "error") != 0)
    return;
  if (!field_string(env, "code", code, sizeof code, &len))
    code[0] = '\0';
  if (strcmp(code, "UNKNOWN_TYPE") == 0)
    snprintf(why, OUTCOME_WHY_BYTES,
             "the server has no handler for `%s`: put what `perigee bench "
             "--handlers` prints into a file of its scripts folder%s",
             type,
             traffic->plan->scenario == PLAN_ECHO
                 ? ", or name a handler that returns its data with --type"
                 : "");
  else
    snprintf(why, OUTCOME_WHY_BYTES, "the server answered `%s` with %s", type,
             code);
}

/* The slot that an answer belongs to, if it still waits for it. */
static struct slot *slot_answered(struct traffic *traffic,
                                  const struct envelope *env) {
  if (env->id.kind != MSG_ID_INT || traffic->slot_count == 0)
    return NULL;
  uint64_t id = env->id.number;
  struct slot *slot =
      &traffic->slots[traffic->script ? id % traffic->slot_count
                                      : (id - 1) % traffic->slot_count];
  bool same = traffic->script ? slot->id == id : id <= traffic->slot_count;
  return same && slot->time ? slot : NULL;
}

/* After an error the slot waits for the next tick: a server that refuses
 * everything is not to be asked as fast as possible. */
static void on_slot_answer(struct traffic *traffic, const struct envelope *env,
                           bool error) {
  struct slot *slot = slot_answered(traffic, env);
  if (!slot)
    return;
  uint64_t time = slot->time;
  slot->time = 0;
  if (error) {
    traffic->reached += slot->missing; /* nothing more will come */
    return;
  }
  if (!traffic->script)
    return;
  count_arrival(traffic, time, uv_hrtime());
  complete_slot(traffic, (uint32_t)(slot - traffic->slots));
}

void traffic_message(struct traffic *traffic, struct client *client,
                     const struct envelope *env, const char *text, size_t len) {
  bool error = strcmp(env->type, "error") == 0;
  uint64_t now = uv_hrtime();
  if (env->id.kind == MSG_ID_INT && env->id.number == PROBE_ID) {
    on_probe_answer(traffic, env);
    return;
  }
  if (traffic->script && script_wants_responses(traffic->script) &&
      !traffic->failed &&
      script_response(traffic->script, client->peer.index, text, len) < 0)
    fail_script(traffic);
  if (error || strcmp(env->type, "reply") == 0)
    on_slot_answer(traffic, env, error);
  else if (now >= traffic->from && now < traffic->to)
    traffic->outcome->pushed++;
}

/* --- time passes -------------------------------------------------------- */

void traffic_tick(struct traffic *traffic, uint64_t now) {
  uint64_t patience = (uint64_t)(traffic->plan->timeout_s * 1e9);
  for (uint32_t i = 0; i < traffic->slot_count; i++) {
    struct slot *slot = &traffic->slots[i];
    if (slot->time && now > slot->time && now - slot->time > patience) {
      tally_add(&traffic->outcome->errors, "no answer in time");
      slot->time = 0;
    }
    if (slot->time == 0 && traffic->sending && !open_loop(traffic))
      send_slot(traffic, i);
  }
}

bool traffic_complete(const struct traffic *traffic) {
  return traffic->reached >= traffic->sent_to;
}

void traffic_init(struct traffic *traffic) {
  const struct plan *plan = traffic->plan;
  traffic->from = traffic->to = UINT64_MAX;
  if (!open_loop(traffic))
    traffic->slot_count = plan->senders * plan->window;
  else if (traffic->script)
    traffic->slot_count = RING;
  traffic->slots =
      mem_alloc((traffic->slot_count + 1) * sizeof *traffic->slots);
}

void traffic_free(struct traffic *traffic) {
  mem_free(traffic->slots);
  buf_free(&traffic->text);
  buf_free(&traffic->data);
}
