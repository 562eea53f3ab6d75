/* SPDX-License-Identifier: MIT
 * What the files of the ledger share: ledger, ledger_write. */
#ifndef CLUSTER_LEDGER_STATE_H
#define CLUSTER_LEDGER_STATE_H

#include "cluster/ledger.h"

enum { LIFE_BYTES = SELF_BYTES - 1 };

struct reading_ledger;

/* An entry of this machine: a user in a room, or (with an empty field) a user.
 */
struct own_entry {
  UT_hash_handle hh;
  char *value;  /* empty: there is none any more, and Redis does not know */
  bool fresh;   /* nor does it know that there was one */
  bool surplus; /* it has one that was said to be gone */
  size_t len;   /* of the field */
  char field[];
};

struct ledger {
  struct own_entry *own;
  struct list others; /* of a user: other_machine->node */
  struct list heard;
  uint32_t heard_count;
  enum rule_presence how; /* of a room */
  bool wanted;            /* it is read: it has presence, or is a user's */
  bool known, again;
  const struct reading_ledger *reading; /* NULL: it is not being read */
  bool listed;       /* that we have entries is known to others */
  bool listing;      /* in a cluster: it is being told */
  uint64_t sent;     /* of cluster->writings: the last one of it, */
  uint64_t answered; /* and the last one that was answered */
  bool unwritten;    /* something could not be written: see ledger_tick */
};

/* The name's; it is made if there is none. */
struct ledger *ensure_ledger(struct name *name);

void drop_own_entry(struct ledger *ledger, struct own_entry *entry);

/* Redis has an entry of this machine. If it is not in the table, and so was
 * said to be gone, Redis has lost that (a failover): it is said once more. */
void ledger_take_back(struct name *name, const char *field, size_t len);

/* Writes all that this machine has of the name. */
void write_all_entries(struct name *name);

#endif
