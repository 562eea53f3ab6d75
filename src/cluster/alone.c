/* SPDX-License-Identifier: MIT
 * A machine that is alone sends nothing to Redis that nobody would hear.
 *
 * What is sent to a room without numbers, a user or all is one PUBLISH, which
 * is for nothing while there is no other machine. But a second one may come at
 * any moment, and what is sent after its first auth_ok, or answer to a join, is
 * to arrive there. So:
 *
 * - A machine that the list of leases has seen alone for long enough for every
 *   other that lives to have shown itself claims to be alone, with its lease.
 *   The script of the lease, in one step with the look at the list, grants it
 *   for TRUST_MS, or does not. Counted from before it was asked, so never for
 *   longer than the claim stands in Redis, the machine sends nothing.
 * - A machine that comes takes its lease first. After that no claim is granted
 *   any more. If one stands there, it says hello to all, and lets nobody in
 *   until who claims it has answered that it does so no more, or the claim is
 *   over: who claims it may be stopped, or gone.
 * - A machine whose lease may be over by its own clock lets nobody in either,
 *   until it has it again: others may have taken it out, and be alone.
 *
 * Clocks are compared with nobody's: only times that pass are. If Redis loses
 * its memory, what it knows of a claim is lost with it; a machine that comes in
 * the TRUST_MS after that may miss something. */
#include "base/mem.h"
#include "cluster/ledger.h"
#include "cluster/parcel.h"
#include "cluster/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TRUST_MS = 2500, MARGIN_MS = 3000 };

static uint64_t ns(uint64_t ms) {
  return ms * 1000000;
}

/* --- sending nothing ---------------------------------------------------------
 */

bool alone_omits(struct cluster *cluster, const struct engine_parcel *parcel) {
  if (parcel->letter->what != BUS_SEND || parcel->letter->to == BUS_CONN ||
      parcel->echo || parcel->id)
    return false;
  uint64_t until =
      atomic_load_explicit(&cluster->alone_until_ns, memory_order_acquire);
  if (until == 0 || uv_hrtime() >= until)
    return false;
  atomic_fetch_add_explicit(&cluster->omitted, 1, memory_order_relaxed);
  return true;
}

static void be_one_of_several(struct cluster *cluster) {
  cluster->alone_since_ns = 0;
  cluster->not_alone_ns = uv_hrtime();
  atomic_store_explicit(&cluster->alone_until_ns, 0, memory_order_release);
}

/* Every other machine that lives takes its lease within that time, also when
 * Redis has lost its memory. */
uint64_t alone_claim_ms(const struct cluster *cluster) {
  uint64_t since = cluster->alone_since_ns;
  uint64_t enough = ns(cluster->options.lease_ms + MARGIN_MS);
  return since && uv_hrtime() - since >= enough ? TRUST_MS : 0;
}

/* --- being known
 * --------------------------------------------------------------
 */

void alone_settle(struct cluster *cluster) {
  struct name *name = NULL, *next = NULL;
  if (!cluster->held_up)
    return;
  cluster->held_up = false;
  HASH_ITER (hh, cluster->names, name, next)
    if (!list_empty(&name->waits))
      name_settle(name, 0);
}

static void become_known(struct cluster *cluster) {
  uv_timer_stop(&cluster->meeting);
  cluster->is_known = true;
  alone_settle(cluster);
}

static void on_claim_over(uv_timer_t *timer) {
  become_known(container_of(timer, struct cluster, meeting));
}

/* `H`, who says hello, and by which life; or the life of who answers. */
static void say_hello(struct cluster *cluster, enum name_kind kind,
                      const char *target) {
  struct buf channel = {0}, text = {0};
  size_t len = strlen(target);
  channel_put(&channel, cluster, kind, target, len);
  buf_putc(&text, 'H');
  buf_put(&text, kind == NAME_ALL ? cluster->self_text : cluster->life,
          SELF_BYTES - 1);
  const struct slice words[] = {publish_word(cluster),
                                {channel.data, channel.len},
                                {text.data, text.len}};
  if (shards_command(cluster->shards, name_place(cluster, kind, target, len),
                     words, 3, NULL, NULL))
    cluster->counters.unsent++;
  buf_free(&channel);
  buf_free(&text);
}

bool alone_heard(struct name *name, struct slice payload) {
  struct cluster *cluster = name->cluster;
  char text[SELF_BYTES];
  if (payload.len != SELF_BYTES || *payload.at != 'H' ||
      (name->key[0] != NAME_ALL && name->key[0] != NAME_NODE))
    return false;
  memcpy(text, payload.at + 1, SELF_BYTES - 1);
  text[SELF_BYTES - 1] = 0;
  if (name->key[0] == NAME_NODE) {
    if (!cluster->is_known && !strcmp(text, cluster->claimer))
      become_known(cluster);
  } else if (strcmp(text, cluster->self_text) != 0) {
    be_one_of_several(cluster);
    say_hello(cluster, NAME_NODE, text);
  }
  return true;
}

bool alone_is_known(struct cluster *cluster) {
  bool known = cluster->is_known && cluster->all->confirmed &&
               uv_hrtime() < cluster->lease_until_ns;
  if (known ||
      !shards_is_there(cluster->shards, name_place(cluster, NAME_ALL, "", 0)))
    return true;
  cluster->held_up = true;
  return false;
}

/* --- leases
 * -------------------------------------------------------------------
 */

static void meet(struct cluster *cluster, uint64_t wait_ms,
                 const struct reply *claimer) {
  if (wait_ms == 0) {
    become_known(cluster);
    return;
  }
  if (uv_is_active((uv_handle_t *)&cluster->meeting))
    return;
  snprintf(cluster->claimer, sizeof cluster->claimer, "%s", claimer->text);
  uv_timer_start(&cluster->meeting, on_claim_over, wait_ms + 1, 0);
  say_hello(cluster, NAME_ALL, "");
}

void alone_leased(struct cluster *cluster, const struct alone_lease *lease,
                  const struct reply *reply) {
  int64_t others = reply_at(reply, 1).number;
  int64_t wait_ms = reply_at(reply, 2).number;
  struct reply claimer = reply_at(reply, 3);
  cluster->lease_until_ns =
      lease->sent_ns + ns(2 * cluster->options.lease_ms + MARGIN_MS - 1000);
  if (others > 0)
    be_one_of_several(cluster);
  else if (!cluster->alone_since_ns)
    cluster->alone_since_ns = uv_hrtime();
  else if (lease->claims && claimer.len == 0 &&
           lease->sent_ns > cluster->not_alone_ns)
    atomic_store_explicit(&cluster->alone_until_ns,
                          lease->sent_ns + ns(TRUST_MS), memory_order_release);
  if (!cluster->is_known)
    meet(cluster, wait_ms > 0 ? (uint64_t)wait_ms : 0, &claimer);
  else
    alone_settle(cluster);
}

void alone_forget(struct cluster *cluster) {
  be_one_of_several(cluster);
  uv_timer_stop(&cluster->meeting);
  cluster->is_known = false;
  alone_settle(cluster);
}
