/* SPDX-License-Identifier: MIT
 * What the files of a link share: link, reach, proof. */
#ifndef REDIS_LINK_STATE_H
#define REDIS_LINK_STATE_H

#include "config/redis_url.h"
#include "redis/link.h"
#include "redis/login.h"
#include "redis/subs.h"

#include <openssl/types.h>

struct adapter;
struct sentinel;

enum {
  LINK_SERVER_BYTES = 300,
  LINK_WHY_BYTES = 400,
  LINK_PROBE_BYTES = 160,
  LINK_NAME_BYTES = 80
};

/* Only reach_set_state changes it. */
enum link_state {
  LINK_WAITING,    /* for the next attempt */
  LINK_ASKING,     /* the Sentinels */
  LINK_CONNECTING, /* and logging in */
  LINK_PROVING,    /* the first message to itself is under way */
  LINK_UP,
  LINK_CLOSED
};

/* One of the two connections. */
struct link_end {
  struct link *link;
  struct adapter *adapter; /* NULL: none */
  struct login_options options;
  struct login login;
  bool ready; /* logged in */
};

struct link {
  uv_loop_t *loop;
  enum link_state state;
  struct redis_url url;
  char name[LINK_NAME_BYTES];
  SSL_CTX *tls;
  uint64_t probe_ms, timeout_ms;
  size_t max_commands, max_bytes;
  const struct link_script *scripts;
  size_t script_count;
  const struct link_events *events;
  void *arg;

  struct link_end command, subscriber;
  struct sentinel *sentinel; /* NULL: the URL names none */
  uv_timer_t timer;   /* the next attempt; its deadline; the next probe */
  uv_timer_t tick;    /* `failing`: to be dropped, from the loop */
  uv_prepare_t flush; /* active while subs_due */
  bool failing;
  unsigned tries; /* since it was well */
  char server[LINK_SERVER_BYTES], why[LINK_WHY_BYTES], said[LINK_WHY_BYTES];
  char
      host[LINK_SERVER_BYTES]; /* the master that Sentinel named, or the node */
  int port;
  uint64_t up_since, down_since, said_at;

  struct subs subs;
  size_t commands, bytes; /* under way */
  struct buf text;        /* of commands, used again */
  bool loading_scripts;   /* anew, after NOSCRIPT */

  char probe_channel[LINK_PROBE_BYTES];
  uint64_t probe_sent, probe_seen;    /* numbers */
  uint64_t probe_at;                  /* uv_hrtime of the last one */
  uint64_t probe_answered;            /* how many PUBLISH were answered */
  unsigned probe_missed;              /* in a row */
  unsigned probe_late;                /* for how long the last one is awaited */
  uint64_t answers_came, pushes_came; /* of all kinds, on the connections */
  uint64_t answers_then, pushes_then; /* when that was looked at last */
  uint64_t round_ns;

  struct link_counters counters;
  uint64_t error_said_at[REPLY_ERROR_COUNT]; /* uv_now; 0: never */
};

#endif
