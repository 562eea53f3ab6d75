/* SPDX-License-Identifier: MIT
 * Says of users that they have come or gone. */
#include "cluster/herald.h"

#include "base/log.h"
#include "base/mem.h"
#include "cluster/ledger_state.h"

#include <string.h>

/* The answers of lua/redis/ledger_ack.lua that are not "done". */
enum { ACK_TAKEN_BACK = 2, ACK_SAID_TWICE = 3, ACK_AGAIN = -1 };

/* What was said, and is not acknowledged as far as is known. Of one user only
 * the last one can be that: it was granted after the one before it was
 * acknowledged. */
struct said {
  UT_hash_handle hh;
  uint64_t asked; /* of cluster->writings: the answer that is awaited; or 0 */
  char claim[CLAIM_BYTES];
  char user[];
};

/* An acknowledgement that is under way. */
struct telling {
  struct cluster *cluster;
  uint64_t number;
  char user[];
};

static struct said *find_said(const struct cluster *cluster, const char *user) {
  struct said *said;
  HASH_FIND_STR(cluster->said, user, said);
  return said;
}

static void drop_said(struct cluster *cluster, struct said *said) {
  HASH_DEL(cluster->said, said);
  mem_free(said);
}

static void use_acknowledged(struct cluster *cluster, struct said *said,
                             int64_t answer) {
  if (answer == ACK_AGAIN)
    return;
  if (answer == ACK_SAID_TWICE)
    log_info("redis: user=%s was said to be %s twice: this machine was taken "
             "for dead when it had said so, and could not tell",
             said->user, *said->claim == '+' ? "online" : "offline");
  if (answer == ACK_TAKEN_BACK)
    ledger_look_again(cluster, said->user);
  drop_said(cluster, said);
}

static void on_acknowledged(void *arg, enum link_fate fate,
                            const struct reply *reply) {
  struct telling *telling = arg;
  struct said *said = find_said(telling->cluster, telling->user);
  if (said && said->asked == telling->number) {
    said->asked = 0;
    if (fate == LINK_ANSWERED && reply->kind == REPLY_NUMBER)
      use_acknowledged(telling->cluster, said, reply->number);
  }
  mem_free(telling);
}

static bool acknowledge(struct cluster *cluster, struct said *said) {
  size_t len = strlen(said->user);
  struct telling *telling = mem_alloc(sizeof *telling + len + 1);
  telling->cluster = cluster;
  telling->number = said->asked = ++cluster->writings;
  memcpy(telling->user, said->user, len);
  if (ledger_acknowledge(cluster, said->user, said->claim, on_acknowledged,
                         telling)) {
    said->asked = 0;
    mem_free(telling);
  }
  return said->asked > 0;
}

void herald_say(struct cluster *cluster, const char *user, struct slice claim) {
  struct said *said = find_said(cluster, user);
  size_t len = strlen(user);
  if (claim.len < 2 || claim.len >= CLAIM_BYTES ||
      (said && strlen(said->claim) == claim.len &&
       memcmp(said->claim, claim.at, claim.len) == 0))
    return;
  if (!said) {
    said = mem_alloc(sizeof *said + len + 1);
    memcpy(said->user, user, len);
    HASH_ADD_STR(cluster->said, user, said);
  }
  (void)slice_copy(claim, said->claim, sizeof said->claim);
  whereabouts_say_user(cluster->bus->whereabouts, user, *claim.at == '+');
  (void)acknowledge(cluster, said); /* or later: see herald_tell */
}

bool herald_has_told(struct cluster *cluster, const char *user) {
  struct said *said = find_said(cluster, user);
  return !said || said->asked || acknowledge(cluster, said);
}

bool herald_is_even(const struct cluster *cluster, const char *user) {
  return !find_said(cluster, user);
}

void herald_tell(struct cluster *cluster) {
  struct said *said = NULL, *next = NULL;
  HASH_ITER (hh, cluster->said, said, next)
    if (!said->asked)
      (void)acknowledge(cluster, said);
}

void herald_free(struct cluster *cluster) {
  struct said *said = NULL, *next = NULL;
  HASH_ITER (hh, cluster->said, said, next)
    drop_said(cluster, said);
}
