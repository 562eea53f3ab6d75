/* SPDX-License-Identifier: MIT
 * The storm. */
#include "load/storm.h"

static bool is_free(const struct client *client) {
  return client->peer.state == PEER_IDLE;
}

static bool measured(const struct storm *storm, uint64_t time) {
  return time >= storm->from && time < storm->to;
}

static void start_client(struct storm *storm, struct client *client,
                         uint64_t since) {
  if (measured(storm, since)) {
    storm->outcome->sent++;
    storm->outcome->expected++;
  }
  crowd_open(storm->crowd, client, since);
}

void storm_begin(struct storm *storm) {
  storm->going = true;
  storm_tick(storm, uv_hrtime(), UINT64_MAX);
}

bool storm_due(struct storm *storm, uint64_t due) {
  struct crowd *crowd = storm->crowd;
  if (!storm->going || due >= storm->to)
    return false;
  for (unsigned i = 0; i < crowd->total; i++) {
    struct client *client = &crowd->clients[storm->turn];
    storm->turn = (storm->turn + 1) % crowd->total;
    if (!is_free(client))
      continue;
    start_client(storm, client, due);
    return true;
  }
  return false;
}

void storm_in(struct storm *storm, struct client *client) {
  uint64_t now = uv_hrtime();
  if (measured(storm, now))
    storm->outcome->arrived++;
  if (measured(storm, client->since)) {
    storm->outcome->delivered++;
    hist_add(&storm->outcome->latency, now - client->since);
  }
  if (!storm->once)
    crowd_hang_up(storm->crowd, client);
}

/* One that failed waits for the tick: a server that is not there is not to be
 * asked as fast as possible. */
void storm_closed(struct storm *storm, struct client *client) {
  if (storm->going && !storm->open_loop && client->was_in)
    start_client(storm, client, uv_hrtime());
}

void storm_tick(struct storm *storm, uint64_t now, uint64_t patience_ns) {
  struct crowd *crowd = storm->crowd;
  for (unsigned i = 0; i < crowd->total; i++) {
    struct client *client = &crowd->clients[i];
    if (!is_free(client)) {
      if (now > client->since && now - client->since > patience_ns)
        crowd_give_up(crowd, client);
    } else if (storm->going && !storm->open_loop) {
      start_client(storm, client, now);
    }
  }
}
