/* SPDX-License-Identifier: MIT
 * The numbers of one run. */
#include "load/plan.h"

#include "base/err.h"
#include "config/address.h"
#include "config/config.h"

#include <stdio.h>
#include <string.h>

enum { USER_SENDERS = 32, PORT_WS = 80, PORT_WSS = 443 };

static const struct {
  const char *name, *help;
} scenarios[] = {
#define PLAN_ROW(NAME, name, help) {name, help},
    PLAN_SCENARIOS(PLAN_ROW)
#undef PLAN_ROW
};

const char *plan_scenario_name(enum plan_scenario scenario) {
  return scenarios[scenario].name;
}

const char *plan_scenario_help(enum plan_scenario scenario) {
  return scenarios[scenario].help;
}

static int wrong_url(const char *url, struct buf *why) {
  buf_printf(why, "`%s` is not ws://HOST[:PORT][/PATH], or wss://", url);
  return ERR_CONFIG;
}

int plan_set_url(struct plan *plan, const char *url, struct buf *why) {
  char address[PLAN_HOST_BYTES + 16];
  plan->tls = strncmp(url, "wss://", 6) == 0;
  if (!plan->tls && strncmp(url, "ws://", 5) != 0)
    return wrong_url(url, why);
  const char *start = strstr(url, "//") + 2;
  const char *end = start + strcspn(start, "/?");
  const char *bracket = memchr(start, ']', (size_t)(end - start));
  bool has_port = memchr(bracket ? bracket : start, ':',
                         (size_t)(end - (bracket ? bracket : start)));
  int n =
      has_port
          ? snprintf(address, sizeof address, "%.*s", (int)(end - start), start)
          : snprintf(address, sizeof address, "%.*s:%d", (int)(end - start),
                     start, plan->tls ? PORT_WSS : PORT_WS);
  if (n >= (int)sizeof address ||
      address_split(address, plan->host, sizeof plan->host, &plan->port) < 0 ||
      !plan->host[0] || plan->port == 0)
    return wrong_url(url, why);
  const char *path = *end ? end : plan->dialect->path;
  /* A blank or a line break would end the request line early. */
  for (const char *p = path; *p; p++)
    if ((unsigned char)*p <= ' ' || *p == '#')
      return wrong_url(url, why);
  n = snprintf(plan->path, sizeof plan->path, "%s%s", *path == '?' ? "/" : "",
               path);
  return n < (int)sizeof plan->path ? 0 : wrong_url(url, why);
}

unsigned plan_peers(const struct plan *plan) {
  unsigned more = plan->scenario == PLAN_ROOM ? plan->senders : plan->first;
  return plan->connections + more;
}

unsigned plan_rooms(const struct plan *plan) {
  if (plan->scenario == PLAN_ROOM)
    return 1;
  if (plan->scenario == PLAN_ROOMS || plan->scenario == PLAN_IDLE)
    return (plan_peers(plan) + plan->room_size - 1) / plan->room_size;
  return 0;
}

int plan_room_of(const struct plan *plan, unsigned peer) {
  if (plan->scenario == PLAN_ROOM)
    return peer < plan->connections ? 0 : -1;
  if (plan->scenario == PLAN_ROOMS || plan->scenario == PLAN_IDLE)
    return (int)(peer / plan->room_size);
  return -1;
}

/* The senders of ROOM come after its members; in ROOMS they are spread so that
 * the first ones are in different rooms. */
unsigned plan_sender(const struct plan *plan, unsigned sender) {
  if (plan->scenario == PLAN_ROOM)
    return plan->connections + sender;
  if (plan->scenario != PLAN_ROOMS)
    return sender;
  unsigned rooms = plan_rooms(plan), turn = sender / rooms;
  unsigned peer = sender % rooms * plan->room_size + turn;
  return peer < plan->connections ? peer : plan->connections - 1;
}

bool plan_has_traffic(const struct plan *plan) {
  return plan->scenario != PLAN_IDLE && plan->scenario != PLAN_STORM;
}

bool plan_comes_again(const struct plan *plan) {
  return plan->scenario == PLAN_STORM && !plan->once;
}

static unsigned default_senders(const struct plan *plan) {
  switch (plan->scenario) {
  case PLAN_ROOM:
    return 1;
  case PLAN_ROOMS:
    return plan_rooms(plan);
  case PLAN_USER:
    return plan->connections < USER_SENDERS ? plan->connections : USER_SENDERS;
  default:
    return plan->connections;
  }
}

/* What only some scenarios have. */
static int check_extras(const struct plan *plan, struct buf *why) {
  bool random = plan->scenario == PLAN_ROOMS || plan->scenario == PLAN_USER;
  if (plan->once && plan->scenario != PLAN_STORM)
    buf_puts(why, "--once is for `storm`");
  else if (plan->once && plan->rate > 0)
    buf_puts(why, "--once: --ramp says how fast they come, not --rate");
  else if (plan->first && plan->scenario != PLAN_IDLE && !plan->once)
    buf_puts(why, "--first is for `idle`, and for `storm --once`");
  else if (plan->active && !random)
    buf_puts(why, "--active is for `rooms` and `user`");
  else if (plan->active > plan->connections)
    buf_printf(why, "--active: %u are more than --connections=%u", plan->active,
               plan->connections);
  else if (plan->active && plan->senders)
    buf_puts(why, "--active and --senders both say who talks: leave one out");
  else if (plan->script && !plan->dialect->has_ids)
    buf_printf(why, "--script: there is none in the dialect %s",
               plan->dialect->name);
  return why->len > 0 ? ERR_CONFIG : 0;
}

int plan_complete(struct plan *plan, struct buf *why) {
  if (check_extras(plan, why) < 0)
    return ERR_CONFIG;
  if (plan->active)
    plan->senders = 1; /* one lot of messages, of all of them */
  if (plan->scenario == PLAN_SCRIPT && !plan->script) {
    buf_puts(why, "script: name the Lua file with --script=FILE");
    return ERR_CONFIG;
  }
  if (plan->script && plan->scenario != PLAN_SCRIPT) {
    buf_printf(why, "--script says what is sent: leave out `%s`",
               plan_scenario_name(plan->scenario));
    return ERR_CONFIG;
  }
  if (plan->senders == 0)
    plan->senders = default_senders(plan);
  if (plan->senders > plan->connections && plan->scenario != PLAN_ROOM) {
    buf_printf(why, "--senders: %u are more than --connections=%u",
               plan->senders, plan->connections);
    return ERR_CONFIG;
  }
  if ((uint64_t)plan->senders * plan->window > PLAN_SLOTS_MAX) {
    buf_printf(why, "--window: %u for each of %u senders are more than %d",
               plan->window, plan->senders, PLAN_SLOTS_MAX);
    return ERR_CONFIG;
  }
  return 0;
}
