/* SPDX-License-Identifier: MIT
 * Rooms with rules. */
#include "hub/declared.h"

void declared_enter(struct manager *manager, struct room *room) {
  if (room->rule->numbered)
    room->at = engine_enter(manager->engine, manager->worker, room->name,
                            room->hh.keylen, room->rule);
}

void declared_exit(struct manager *manager, struct room *room) {
  room->behind = false;
  if (room->rule->numbered)
    engine_exit(manager->engine, manager->worker, room->name, room->hh.keylen);
}

/* What is kept is bounded by the new rule when somebody publishes or reads, and
 * by the engine's tick. */
static void change_rule(struct manager *manager, struct room *room,
                        const struct rule *rule) {
  bool was_numbered = declared_numbered(room);
  bool numbered = rule && rule->numbered;
  const struct rule *before = room->rule;
  bool has_members = room->count > 0;
  if (has_members && was_numbered && !numbered)
    declared_exit(manager, room);
  room->rule = rule;
  if (has_members && numbered && !was_numbered)
    declared_enter(manager, room);
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
