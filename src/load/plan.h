/* SPDX-License-Identifier: MIT
 * What to do to which server: the numbers of one run. */
#ifndef LOAD_PLAN_H
#define LOAD_PLAN_H

#include "auth/jwt.h"
#include "base/attr.h"
#include "base/buf.h"
#include "load/dialect.h"

#include <stdbool.h>
#include <sys/types.h>

/* X(NAME, name, what it does) */
#define PLAN_SCENARIOS(X)                                                      \
  X(ECHO, "echo", "each connection sends to itself")                           \
  X(ROOM, "room", "senders outside of one room of all connections")            \
  X(ROOMS, "rooms", "rooms of --room-size, a member of each sends to it")      \
  X(USER, "user", "senders choose a random user for each message")             \
  X(IDLE, "idle", "connections in rooms of --room-size that say nothing")      \
  X(STORM, "storm", "connect, auth, hang up, and again")                       \
  X(SCRIPT, "script", "what the Lua functions of --script say")

enum plan_scenario {
#define PLAN_ENUM(NAME, name, help) PLAN_##NAME,
  PLAN_SCENARIOS(PLAN_ENUM)
#undef PLAN_ENUM
      PLAN_SCENARIO_COUNT
};

enum {
  PLAN_HOST_BYTES = 256,
  PLAN_PATH_BYTES = 1024,
  PLAN_BYTES_MIN = 40, /* what marks a message has to fit */
  PLAN_SLOTS_MAX = 4000000
};

/* Zero means the default of the scenario, where plan_complete has one. */
struct plan {
  enum plan_scenario scenario;
  char host[PLAN_HOST_BYTES];
  int port;
  bool tls;
  char path[PLAN_PATH_BYTES]; /* with the query */
  const struct dialect *dialect;
  unsigned connections, senders, room_size;
  unsigned active; /* of ROOMS and USER: so many talk at random; 0: senders */
  unsigned first;  /* connections before the others, which are not counted */
  unsigned window; /* closed loop: in flight per sender; if active, in all */
  double rate;     /* open loop: sends a second in all; 0: closed */
  unsigned bytes;  /* of `data` of a measured message */
  double ramp;     /* connections a second; 0: as fast as they get in */
  bool once;       /* STORM: they come once and stay */
  double wait_s;   /* until somebody listens */
  double warmup_s, duration_s, timeout_s;
  const char *type;    /* of echo's messages */
  const char *script;  /* path of a Lua file, or NULL */
  pid_t pid;           /* of the server; 0: unknown */
  bool progress;       /* show a line meanwhile */
  const char *token;   /* for every connection; NULL: made with `key` */
  struct jwt_key *key; /* borrowed */
  const char *issuer, *audience; /* for the claims of tokens; may be "" */
};

/* The name of a scenario, and what it does. */
const char *plan_scenario_name(enum plan_scenario scenario);
const char *plan_scenario_help(enum plan_scenario scenario);

/* Reads "ws://host[:port][/path]", or wss://; `dialect` is set. 0; or
 * ERR_CONFIG, with what is wrong appended to `why`. */
MUST_CHECK int plan_set_url(struct plan *plan, const char *url,
                            struct buf *why);

/* Sets the numbers that depend on the scenario and checks that they fit each
 * other. 0; or ERR_CONFIG, with what is wrong appended to `why`. */
MUST_CHECK int plan_complete(struct plan *plan, struct buf *why);

/* Connections in all: the senders of ROOM come on top, and the first ones. */
unsigned plan_peers(const struct plan *plan);

/* How many rooms there are; 0 when the scenario has none. */
unsigned plan_rooms(const struct plan *plan);

/* The room of a connection, or -1. */
int plan_room_of(const struct plan *plan, unsigned peer);

/* The connection that a sender is; not with `active`. */
unsigned plan_sender(const struct plan *plan, unsigned sender);

/* Whether somebody sends anything. */
bool plan_has_traffic(const struct plan *plan);

/* Whether connections hang up and come again, as they do in a storm. */
bool plan_comes_again(const struct plan *plan);

#endif
