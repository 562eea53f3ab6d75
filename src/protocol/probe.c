/* SPDX-License-Identifier: MIT
 * Probes. */
#include "protocol/probe.h"

#include "base/log.h"
#include "hub/publish.h"
#include "protocol/heartbeat.h"

/* The timers that end the dead ones are that late at most. */
enum { MARGIN_MS = 100 };

/* Of one address: not more often, and whoever comes while all of them live is
 * told to wait up to so much longer. */
enum { AGAIN_MS = 10000 };

/* Where the time of the last probe is kept. No message type begins so. */
static const char what[] = "@probe";

static void probe_user_here(const struct manager *manager, const char *id,
                            size_t len) {
  struct user *user = manager_user(manager, id, len);
  if (user) /* a full queue closes one */
    LIST_FOREACH_SAFE (it, &user->conns)
      heartbeat_probe(container_of(it, struct conn, user_node));
}

static void probe_network_here(struct manager *manager, const char *network) {
  LIST_FOREACH_SAFE (it, &manager->conns) {
    struct conn *conn = container_of(it, struct conn, node);
    if (conn->state != CONN_AWAY && /* that does not count for its address */
        !strcmp(conn->address->network->text, network))
      heartbeat_probe(conn);
  }
}

uint32_t probe_user(struct protocol *protocol, const char *user) {
  struct manager *manager = &protocol->manager;
  size_t len = strlen(user);
  struct bus_letter letter = {
      .to = BUS_USER, .what = BUS_PROBE, .target = user, .target_len = len};
  log_info("user=%s has limits.per_user connections: they are asked whether "
           "they live",
           user);
  probe_user_here(manager, user, len);
  publish_letter(manager, &letter);
  return heartbeat_probe_ms(protocol) + MARGIN_MS;
}

uint32_t probe_network(struct protocol *protocol, const char *network) {
  struct manager *manager = &protocol->manager;
  uint32_t takes = heartbeat_probe_ms(protocol) + MARGIN_MS;
  uint32_t wait = rates_take(protocol->rates, what, network, 1000.0 / AGAIN_MS,
                             1, uv_now(protocol->loop));
  if (wait) { /* asked AGAIN_MS - wait ago */
    bool asking = wait > AGAIN_MS - takes;
    return asking ? wait - (AGAIN_MS - takes)
                  : wait + (uint32_t)random() % AGAIN_MS;
  }
  struct bus_letter letter = {
      .to = BUS_ALL, .what = BUS_PROBE, .text = network};
  log_info("ip=%s has limits.per_ip connections: they are asked whether they "
           "live",
           network);
  probe_network_here(manager, network);
  publish_letter(manager, &letter);
  return takes;
}

void probe_receive(struct protocol *protocol, const struct bus_letter *letter) {
  if (letter->to == BUS_USER)
    probe_user_here(&protocol->manager, letter->target, letter->target_len);
  else
    probe_network_here(&protocol->manager, letter->text);
}
