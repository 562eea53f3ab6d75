/* SPDX-License-Identifier: MIT
 * The protocol's side of one worker. */
#include "protocol/protocol.h"

#include "base/mem.h"
#include "protocol/auth.h"
#include "protocol/away.h"
#include "protocol/online.h"
#include "protocol/recover.h"
#include "protocol/resume.h"
#include "protocol/resync.h"
#include "protocol/router.h"
#include "protocol/session.h"
#include "script/open.h"

#include <sys/resource.h>

static struct frame *constant(const char *text) {
  return frame_new(FRAME_TEXT, text, strlen(text));
}

enum { PROCESS_DESCRIPTORS = 64, WORKER_DESCRIPTORS = 32 };

unsigned protocol_other_descriptors(const struct config *config) {
  return PROCESS_DESCRIPTORS +
         WORKER_DESCRIPTORS * (unsigned)config_workers(config);
}

/* limits.connections; 0 there means what `ulimit -n` leaves room for. */
static uint32_t max_connections(const struct config *config) {
  unsigned other = protocol_other_descriptors(config);
  struct rlimit files;
  if (config->limits_connections > 0)
    return (uint32_t)config->limits_connections;
  if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur > UINT32_MAX ||
      files.rlim_cur <= other)
    return 0;
  return (uint32_t)files.rlim_cur - other;
}

/* A limit of the process, for each worker; 0 stays 0, none. */
static size_t share_of_worker(const struct config *config, long long total) {
  size_t workers = (size_t)config_workers(config);
  return workers > 0 ? ((size_t)total + workers - 1) / workers : (size_t)total;
}

static void configure_roster(struct roster *roster,
                             const struct config *config) {
  struct roster_options options = {
      .every_ms = (uint64_t)config->presence_every_ms,
      .grace_ms = (uint64_t)(config->presence_grace_s * 1000.0),
      .list_max = (uint32_t)config->presence_list_max};
  roster_configure(roster, options);
}

/* The default may be more than the queue that was asked for takes. */
static size_t replay_bytes(const struct config *config) {
  size_t each = config->session_replay_bytes;
  return each < config->limits_queue_bytes ? each : config->limits_queue_bytes;
}

void protocol_configure(struct protocol *protocol,
                        const struct config *config) {
  bool single = config->auth_sessions == AUTH_SINGLE;
  struct manager_limits limits = protocol->manager.limits;
  protocol->config = config;
  limits.queue_bytes = (size_t)config->limits_queue_bytes;
  limits.rooms_per_connection = (uint32_t)config->limits_rooms_per_connection;
  limits.per_user = single ? 0 : (uint32_t)config->limits_per_user;
  limits.per_address = (uint32_t)config->limits_per_ip;
  limits.replay_bytes = replay_bytes(config);
  manager_set_limits(&protocol->manager, limits);
  protocol->manager.owner.parks =
      config->session_keep_s > 0 && !protocol->draining;
  configure_roster(&protocol->roster, config);
}

void protocol_init(struct protocol *protocol, uv_loop_t *loop,
                   const struct config *config, const struct jwt_key *key) {
  *protocol = (struct protocol){.config = config, .loop = loop};
  struct manager_limits limits = {
      .backlog_bytes = share_of_worker(config, config->limits_queues_mb) << 20,
      .replays_bytes = share_of_worker(config, config->session_replay_mb) << 20,
      .parked = (uint32_t)share_of_worker(config, config->session_max),
      .connections = max_connections(config),
  };
  manager_init(&protocol->manager, loop, &protocol->stats, client_free);
  manager_set_limits(&protocol->manager, limits);
  protocol_configure(protocol, config);
  protocol->manager.owner.wants_ack = resume_ask;
  protocol->manager.owner.parked = away_begin;
  protocol->manager.owner.drained = recover_go_on;
  protocol->manager.on_behind = recover_behind;
  protocol->manager.on_gap = recover_gap;
  protocol->manager.on_era = resync_era;
  protocol->handle_late = router_message_late;
  protocol->host = (struct host){.open_libraries = open_libraries,
                                 .manager = &protocol->manager,
                                 .stats = &protocol->stats,
                                 .config = config,
                                 .key = key,
                                 .loop = loop,
                                 .conn_idle = session_idle,
                                 .worker = 1};
  list_init(&protocol->host.retiring);
  list_init(&protocol->questions);
  protocol->ping = constant("{\"type\":\"ping\"}");
  protocol->pong = constant("{\"type\":\"pong\"}");
  protocol->ping_frame = frame_new(FRAME_PING, "", 0);
}

void protocol_free(struct protocol *protocol) {
  manager_free(&protocol->manager);
  frame_unref(protocol->ping);
  frame_unref(protocol->pong);
  frame_unref(protocol->ping_frame);
  mem_free(protocol->keywait);
  online_free(protocol);
  buf_free(&protocol->out);
}
