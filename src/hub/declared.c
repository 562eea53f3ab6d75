/* SPDX-License-Identifier: MIT
 * Rooms with rules. */
#include "hub/declared.h"

void declared_enter(struct manager *manager, struct room *room) {
  if (!room->rule->numbered)
    return;
  room->inside = true;
  room->at = engine_enter(manager->engine, manager->worker, room->name,
                          room->hh.keylen, room->rule);
}

void declared_exit(struct manager *manager, struct room *room) {
  room->inside = room->behind = false;
  room->sent = room->at; /* what is on its way need not come any more */
  engine_exit(manager->engine, manager->worker, room->name, room->hh.keylen);
}

/* Workers hear of new rules one after the other. What those that know the rule
 * have published by now has not come here, and is lost for the members. */
static void enter_late(struct manager *manager, struct room *room) {
  declared_enter(manager, room);
  if (room->at.seq > 0 && manager->on_era)
    manager->on_era(room, room->at);
}

/* What is kept is bounded by the new rule when somebody publishes or reads, and
 * by the engine's tick. Without a rule the worker stays inside, as others may
 * still publish by it. */
static void change_rule(struct manager *manager, struct room *room,
                        const struct rule *rule) {
  const struct rule *before = room->rule;
  room->rule = rule;
  if (declared_numbered(room) && room->count > 0 && !room->inside)
    enter_late(manager, room);
  roster_change(manager, room, before);
}

void declared_set_rules(struct manager *manager, struct rules *rules) {
  struct room *room = NULL, *next = NULL;
  if (!rules && !manager->rules)
    return;
  HASH_ITER (hh, manager->rooms, room, next)
    change_rule(manager, room, rules_find(rules, room->name, room->hh.keylen));
  manager->rules = rules;
  if (manager->worker == 0)
    engine_set_rules(manager->engine, rules);
}
