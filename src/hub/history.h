/* SPDX-License-Identifier: MIT
 * Pages of a room's history: which messages are asked for, and the answer as
 * JSON. */
#ifndef HUB_HISTORY_H
#define HUB_HISTORY_H

#include "hub/manager.h"

enum { HISTORY_LIMIT = 50, HISTORY_LIMIT_MAX = 1000 };

/* Messages after a number, before one, or between both; with neither, the
 * newest ones. */
struct history_page {
  uint64_t after, before;
  bool has_after, has_before;
  uint32_t limit; /* 1 … HISTORY_LIMIT_MAX */
};

/* The rule of the room, if it has a history; else NULL. */
const struct rule *history_rule(const struct manager *manager, const char *room,
                                size_t len);

/* Asks the engine for the page, as engine_read does. The room has `rule`. */
MUST_CHECK struct engine_read *history_read(const struct manager *manager,
                                            const char *room, size_t len,
                                            const struct rule *rule,
                                            const struct history_page *page,
                                            engine_read_fn *done, void *arg);

/* Appends {"epoch":…,"seq":N,"messages":[…],"more":…}. Each message is
 * {"seq":N,"type":…,"data":…,"at":MS}, without data if it had none. */
void history_put(struct buf *out, const struct engine *engine,
                 const struct engine_answer *answer);

#endif
