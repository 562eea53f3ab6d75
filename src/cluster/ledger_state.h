/* SPDX-License-Identifier: MIT
 * What the files of the ledger share: ledger, ledger_ask, ledger_write; sweep,
 * revise and herald. */
#ifndef CLUSTER_LEDGER_STATE_H
#define CLUSTER_LEDGER_STATE_H

#include "cluster/ledger.h"

enum {
  LIFE_BYTES = SELF_BYTES - 1,
  LEDGER_FENCE_S = 300 /* what is on the way for longer is lost */
};

struct reading_ledger;

/* What was said of a user last, as far as is known: it counts where Redis has
 * lost that. */
enum ledger_said { SAID_UNKNOWN, SAID_ON, SAID_OFF };

/* An entry of this machine: a user in a room, or (with an empty field) a user.
 * It is here until Redis has answered that there is none any more. */
struct own_entry {
  UT_hash_handle hh;
  char *value;           /* empty: there is to be none */
  uint64_t asked;        /* of cluster->writings: that it is written is not
                          * answered yet; or 0 */
  bool due;              /* it is to be written (once more) */
  bool fresh;            /* it never was */
  bool repeats;          /* the last answer was lost: see ledger_change */
  enum ledger_said said; /* of a user */
  size_t len;            /* of the field */
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
  bool listed;         /* that we have entries is known to others */
  bool listing;        /* in a cluster: it is being told */
  struct list soon;    /* in cluster->unwritten: entries are due */
  struct list to_read; /* in cluster->to_read: it is to be read once more */
  struct name *name;
};

/* The name's; it is made if there is none. */
struct ledger *ensure_ledger(struct name *name);

void drop_own_entry(struct ledger *ledger, struct own_entry *entry);

/* Redis has an entry of this machine. If it is not in the table, and so was
 * said to be gone, Redis has lost that (a failover): it is said once more. */
void ledger_take_back(struct name *name, const char *field, size_t len);

/* What was said of a user may not be what is there: the machine asks. */
void ledger_look_again(struct cluster *cluster, const char *user);

/* Writes all that this machine has of the name. */
void write_all_entries(struct name *name);

/* --- what Redis is asked (ledger_ask) ------------------------------------- */

/* The arguments of lua/redis/ledger_put.lua, which explains them. */
struct ledger_change {
  enum name_kind kind;
  struct slice name;
  const char *whose;         /* another machine: it is dead */
  struct slice field, value; /* of this one */
  uint64_t number;           /* of cluster->writings */
  bool repeats; /* one before it may have been lost, or comes late */
  enum ledger_said said;
};

/* As shards_command. */
MUST_CHECK int ledger_ask(struct cluster *cluster,
                          const struct ledger_change *change,
                          link_answer_fn *done, void *arg);

struct ledger_verdict {
  bool good; /* it is done, and the rest counts */
  bool say;  /* the claim is this machine's */
  bool again;
  struct slice claim; /* there as long as the answer */
};

/* What the answer means. One that comes when the lease may be over is none:
 * others may have taken it back. */
struct ledger_verdict ledger_verdict(struct cluster *cluster,
                                     enum link_fate fate,
                                     const struct reply *reply);

/* Says in Redis that a claim was said; as shards_command. */
MUST_CHECK int ledger_acknowledge(struct cluster *cluster, const char *user,
                                  const char *claim, link_answer_fn *done,
                                  void *arg);

#endif
