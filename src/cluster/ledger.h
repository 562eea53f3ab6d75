/* SPDX-License-Identifier: MIT
 * Who is where, on all machines: users in rooms that have presence, and users
 * at all.
 *
 * Each machine writes its own entries, and no others; together they are the
 * ledger of a name (a room, a user). They stand in Redis, and whoever follows
 * the name hears of changes by its channel. What is told is absolute, and those
 * who come late read all of it. So nothing has to be counted up and down.
 *
 * The entries of a machine live as long as its lease. After that somebody else
 * deletes them: each step of that can be done twice. */
#ifndef CLUSTER_LEDGER_H
#define CLUSTER_LEDGER_H

#include "cluster/state.h"

/* Sets up what other threads tell of: see presence_watch, whereabouts_census.
 */
void ledger_watch(struct cluster *cluster);

/* The entry of this machine is this value now; empty: there is none. The field
 * is the user, in a room; of a user it is empty. */
void ledger_put(struct name *name, const char *field, size_t len,
                const char *value);

/* The name is subscribed to: writes what we have of it, reads what others have.
 */
void ledger_subscribed(struct name *name);

/* The connection is lost. */
void ledger_down(struct name *name);

/* Once a second, or sooner: writes what could not be written. */
void ledger_tick(struct cluster *cluster);

/* Writes what was withheld: see nodes_may_write. */
void ledger_write_withheld(struct cluster *cluster);

/* Places are not there, or are there again. In a cluster, of what a machine has
 * entries stands at a place of its own; whoever takes that over may not have
 * all of it, and is told anew. */
void ledger_places_down(struct cluster *cluster);
void ledger_up(struct cluster *cluster);

/* The name is about to be let go: nothing of this machine has been there for a
 * while, and whoever cleans up after it need not look. If that is lost, he
 * does. */
void ledger_delist(const struct name *name);

/* The name is let go. */
void ledger_end(struct name *name);

/* Whether something of it is to be written, or acknowledged, still. */
bool ledger_owes(const struct name *name);

/* Another rule: it has presence now, or has not. */
void ledger_apply_rule(struct name *name, enum rule_presence how);

/* Whether it is known what others have. */
bool ledger_known(const struct name *name);

/* A message of the channel. False: it is none of the ledger. */
bool ledger_heard(struct name *name, struct slice payload);

/* This machine has another name: everything of it is written anew. `was_gone`:
 * others have said of its users that they are offline. */
void ledger_rename(struct cluster *cluster, bool was_gone);

/* Reads what all others have, once more: it may have gone without a word. Of
 * very many names some thousand a second. */
void ledger_read_again(struct cluster *cluster);

/* Once a second: reads the next of these. */
void ledger_read_some(struct cluster *cluster);

/* A machine is gone: what it had is not there any more. */
void ledger_forget_machine(struct cluster *cluster, const char *life);

/* Keys in Redis: how those of entries begin, with the machine behind it; of the
 * machines that have entries; of what a machine has entries. */
void ledger_put_entries_prefix(struct buf *out, const struct cluster *cluster,
                               enum name_kind kind, const char *text,
                               size_t len);
void ledger_put_machines_key(struct buf *out, const struct cluster *cluster,
                             enum name_kind kind, const char *text, size_t len);
void ledger_put_names_key(struct buf *out, const struct cluster *cluster,
                          const char *life);

/* In a cluster, the place of what a machine has entries of. */
size_t ledger_home(const struct cluster *cluster, const char *life);

/* How many places have what a machine has entries of, and which these are. */
size_t ledger_list_count(const struct cluster *cluster);
size_t ledger_list_place(const struct cluster *cluster, const char *life,
                         size_t i);

/* How many connections the user has on other machines. */
uint32_t ledger_devices(const struct name *name);

#endif
