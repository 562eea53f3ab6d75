/* SPDX-License-Identifier: MIT
 * What the files of this room know of each other.
 *
 * Everything is used by the cluster's own thread only, unless it says
 * otherwise. */
#ifndef CLUSTER_STATE_H
#define CLUSTER_STATE_H

#include "base/hash.h"
#include "base/list.h"
#include "cluster/cluster.h"
#include "config/redis_url.h"
#include "engine/memory_follow.h"
#include "engine/presence.h"
#include "net/mailbox.h"
#include "redis/shards.h"
#include "redis/words.h"

#include <uv.h>

enum {
  NOTICED_LIVES = 256,
  SELF_BYTES = 17,               /* 16 hexadecimal digits, and a zero */
  CLAIM_BYTES = SELF_BYTES + 21, /* of cluster/herald */
  LINGER_MS = 5000 /* how long a name is followed that nobody has any more */
};

enum cluster_script {
  SCRIPT_PUBLISH,
  SCRIPT_ENTER,
  SCRIPT_RENEW,
  SCRIPT_ONCE,
  SCRIPT_LEASE,
  SCRIPT_CONDEMN,
  SCRIPT_CONDEMNED,
  SCRIPT_RETIRE,
  SCRIPT_NOTICE,
  SCRIPT_LEDGER_PUT,
  SCRIPT_LEDGER_ACK,
  SCRIPT_LEDGER_LOAD,
  SCRIPT_DECIDE,
  SCRIPT_LEVEL,
  SCRIPT_STORE_INCR,
  SCRIPT_STORE_SWAP,
  SCRIPT_COUNT
};

struct cluster;

/* Another machine, as its entries name it. */
struct noticed_life {
  uint64_t machine, until_ms; /* it is not looked at again before */
  bool gone;                  /* others have cleaned up after it */
};

/* Something that another thread wants done. */
struct order {
  struct list node;
  void (*run)(struct cluster *cluster, struct order *order);
  void (*drop)(struct order *order); /* it is too late: frees it */
};

/* A worker, the HTTP API or the main thread: where answers go to. */
struct asker {
  struct mailbox mailbox;
  bool open; /* on its own thread */
};

/* A room or a user that is followed, or one of the cluster's own channels. */
enum name_kind {
  NAME_ROOM = 'r',
  NAME_USER = 'u',
  NAME_NODE = 'n',
  NAME_ALL = 'a'
};

struct ledger;
struct numbers;
struct question;
struct vault_call;

struct name {
  UT_hash_handle hh; /* in cluster->names, by `key` */
  struct cluster *cluster;
  size_t place; /* of shards_find */
  struct shards_channel *channel;
  bool confirmed;   /* what is sent there is heard */
  uint32_t refs;    /* workers that have it, and waits */
  struct list idle; /* in cluster->idle: nobody has it, since idle_ms */
  uint64_t idle_ms;
  struct list waits;       /* engine_wait->in_name */
  struct ledger *ledger;   /* who is there; NULL: nothing is known of that */
  struct numbers *numbers; /* of a room that has them; else NULL */
  uint64_t logins[2];      /* of a user: connections that have said that they
                            * take the place of others, and have not been heard
                            * here yet; the last ones */
  size_t len;              /* of the name */
  char key[];              /* enum name_kind, and the name */
};

static inline const char *name_text(const struct name *name) {
  return name->key + 1;
}

struct engine_wait {
  struct order order;
  struct list answer; /* in the asker's mailbox */
  struct list in_name;
  struct cluster *cluster;
  struct asker *asker;
  struct name *name; /* held, from run to release */
  bool given_up;     /* by the asker */
  int err;
  uint32_t elsewhere; /* connections of the user on other machines */
  uint64_t after;     /* of a room with numbers: it is to have come so far, */
  char epoch[ENGINE_EPOCH_BYTES]; /* in this one; empty: anywhere */
  bool asked;                     /* it was looked for already */
  struct question *question;      /* NULL: it is about a name; else its own */
  struct vault_call *vault;       /* of a call of the store: its own */
  engine_settled_fn *done;
  engine_news_fn *heard;          /* of a question, instead; */
  far_answered_fn *stored;        /* of the store; */
  engine_confirmed_fn *confirmed; /* of a publication */
  uint64_t seq;
  void *arg;
  enum name_kind kind;
  size_t len;
  char text[];
};

struct cluster {
  struct engine engine;
  struct engine *copy; /* of rooms with numbers */
  struct bus *bus;
  int workers;
  struct asker *askers; /* workers, the API */
  struct cluster_options options;
  uv_loop_t loop;
  uv_thread_t thread;
  bool started;
  struct mailbox orders;
  bool orders_open; /* of who starts and frees it */
  uv_timer_t tick, lease, farewell, hurry;
  struct link_script scripts[SCRIPT_COUNT];
  char shas[SCRIPT_COUNT][LINK_SHA_BYTES];
  struct shards *shards;
  char *texts[SCRIPT_COUNT]; /* of scripts that were changed; or NULL */
  bool home_lost;            /* see ledger_up */
  struct list unwritten;     /* ledger->soon: see ledger_tick */
  struct list to_read;       /* ledger->to_read: see ledger_read_some */
  uint64_t writings;         /* questions about ledgers that were asked */
  struct said *said;         /* of cluster/herald */
  bool stopping;
  struct name *names;
  struct list idle;
  struct list questions; /* of cluster/question: not answered yet */
  uint64_t question_ids;
  struct name *all, *me;
  uint64_t self;
  char self_text[SELF_BYTES];
  char life[SELF_BYTES]; /* by which it has leases and entries: another one when
                          * it was taken for dead */
  char former[SELF_BYTES];   /* the one before; or "" */
  bool former_left;          /* what it had may be there still */
  struct presence *presence; /* borrowed; NULL: nobody keeps who is in rooms */
  bool enlisted;             /* its lease was taken */
  uint64_t leased_ms;        /* no earlier than at this time of uv_hrtime */
  bool withheld;             /* entries wait for that: see nodes_may_write */
  uint64_t read_again_ms;    /* uv_now: see ledger_read_again; 0: never */
  bool nodes_there;          /* leases can be taken, */
  uint64_t nodes_since_ms;   /* since then; uv_now of the loop */
  struct noticed_life noticed[NOTICED_LIVES]; /* by their last digits */
  int64_t started_s;                          /* Unix time */
  void (*left)(struct cluster *cluster);      /* its lease was given back */
  cluster_notice_fn *notice_heard;            /* NULL: nobody wants notices */
  void *notice_arg;
  _Atomic uint64_t print;  /* of the scripts that are live; any thread */
  struct kinship *kinship; /* of cluster/kinship */
  uv_mutex_t look_lock;
  struct cluster_look look; /* under the lock */
  struct cluster_counters counters;
  struct list round;  /* of cluster/compare: rooms with numbers, which was */
  size_t round_count; /* compared longest ago first; how many */
  struct list late;   /* of cluster/publish: what could not be sent yet */
  size_t late_bytes;
  struct list line; /* the same: what waits for its turn */
  size_t line_bytes;
  struct given_room *given_rooms; /* of cluster/given */
  struct list given_line;
  uint64_t eras; /* the last one that was made here */

  /* Of cluster/alone; times are of uv_hrtime. */
  _Atomic uint64_t alone_until_ns; /* 0: it is not; any thread */
  _Atomic uint64_t omitted;        /* any thread */
  uint64_t alone_since_ns;         /* there was no other machine; 0: there is */
  uint64_t not_alone_ns;           /* when it last was known to be not */
  uint64_t lease_until_ns;         /* nobody else is alone before that */
  bool is_known; /* nobody takes himself for alone, because of this machine */
  bool held_up;  /* somebody may wait for that */
  char claimer[SELF_BYTES]; /* who does, whose answer is waited for */
  uv_timer_t meeting;       /* until he does no more */
};

static inline struct cluster *cluster_of(struct engine *engine) {
  return container_of(engine, struct cluster, engine);
}

/* Another name for leases and entries. */
void choose_life(struct cluster *cluster);

/* --- orders (cluster/order) ----------------------------------------------- */

/* Hands it to the cluster's thread; on any thread. */
void order_post_take(struct cluster *cluster, struct order *order);

/* A wait for that name, to be posted as an order when it has its `done`. On the
 * thread of the worker. */
MUST_CHECK struct engine_wait *new_wait(struct engine *engine, int worker,
                                        enum name_kind kind, const char *text,
                                        size_t len);

/* A publication was answered: its asker is told. Accepts NULL. */
void answer_publication(struct engine_wait *wait, int err, uint64_t seq);

/* The wait is over: its asker is told. */
void answer_wait(struct engine_wait *wait, int err);

void asker_open(struct asker *asker, uv_loop_t *loop);
void asker_close(struct asker *asker);

/* Frees what was not received. */
void asker_free(struct asker *asker);

/* --- names (cluster/name) --------------------------------------------------
 */

/* Follows it, once more. */
struct name *name_hold(struct cluster *cluster, enum name_kind kind,
                       const char *text, size_t len);
void name_drop(struct name *name);

/* NULL: it is not followed. */
struct name *name_find(const struct cluster *cluster, enum name_kind kind,
                       const char *text, size_t len);

/* Lets go of what nobody has had for LINGER_MS; all of it, at the end. */
void name_tick(struct cluster *cluster, bool all);

/* Other rules: rooms may have numbers now, or none any more. */
void name_apply_rules(struct cluster *cluster);

/* Whether the wait is over. */
bool name_serves(const struct name *name, const struct engine_wait *wait);

/* What has become of those who wait for it: 0, or ERR_UNAVAILABLE. */
void name_settle(struct name *name, int err);

/* Of link_events. */
void name_subscribed(void *arg, void *channel_arg);
void name_heard(void *arg, void *channel_arg, struct slice payload);

/* Places are not there any more: what is there is not heard. */
void names_down(struct cluster *cluster);

/* Of shards_events. */
void name_moved(void *arg, void *channel_arg);

/* Gives a command to the Redis that has the name. */
MUST_CHECK int name_command(const struct name *name, const struct slice *words,
                            size_t count, link_answer_fn *done, void *arg);

/* Where it is (shards_find); on any thread. What all machines hear is where the
 * list of machines is. */
size_t name_place(const struct cluster *cluster, enum name_kind kind,
                  const char *text, size_t len);

/* Writes the tag of its place: shards_tag. */
void name_tag(enum name_kind kind, const char *text, size_t len,
              char out[SHARDS_TAG_BYTES]);

/* PUBLISH, or what it is called in a cluster. */
struct slice publish_word(const struct cluster *cluster);

/* Writes the channel of it. */
void channel_put(struct buf *out, const struct cluster *cluster,
                 enum name_kind kind, const char *text, size_t len);

/* --- rooms with numbers (cluster/numbers) ----------------------------------
 */

/* Has them from now on; `rule` is copied. */
void numbers_begin(struct name *name, const struct rule *rule);
void numbers_end(struct name *name);
void numbers_change(struct name *name, const struct rule *rule);

/* Reads what is kept in Redis, and goes on from there. */
void numbers_fill(struct name *name);

/* The connection is lost. */
void numbers_down(struct name *name);

/* A message of the channel that is no parcel. */
void numbers_heard(struct name *name, struct slice payload);

/* The wait, which stands in name->waits, is not served by what is here. */
void numbers_want(struct name *name, const struct engine_wait *wait);

/* Whether the wait is served by what is here. */
bool numbers_serve(const struct name *name, const struct engine_wait *wait);

/* --- sending (cluster/send) ------------------------------------------------
 */

int send_parcel(struct engine *engine, const struct engine_parcel *wanted);

/* Posts it to the workers that have a receiver. */
void deliver_letter(struct cluster *cluster, const struct bus_letter *letter);

/* --- publications of rooms with numbers (cluster/publish) ------------------
 */

void publish_record(struct engine *engine,
                    const struct engine_publication *publication,
                    struct engine_result *result);

/* A link is there again: sends what could not be sent. */
void send_late(struct cluster *cluster);
void drop_late(struct cluster *cluster);

/* Sends what waits because too much was under way, as far as there is room. */
void send_line(struct cluster *cluster);

/* --- eras (cluster/era) ----------------------------------------------------
 */

/* An era that begins now, and is later than `after`. */
uint64_t new_era(struct cluster *cluster, uint64_t after);

/* Ends the room's era, if it is this one (0: whichever it is); the next one is
 * later than `after`. Nothing happens when Redis is not there. */
void renew_room(struct cluster *cluster, const char *room, size_t len,
                const struct rule *rule, uint64_t era, uint64_t after);

void forget_room(struct engine *engine, const char *room, size_t len);

int64_t unix_ms(void);

/* --- what stands in Redis about a room (cluster/keys) ----------------------
 */

/* The keys of a room. */
struct room_keys {
  struct buf text; /* where they are */
  struct slice kept, hash;
};

void room_keys_put(struct room_keys *keys, const struct cluster *cluster,
                   const char *room, size_t len, bool latest);

/* That of the id of a message for `target`. */
void id_key_put(struct buf *out, const struct cluster *cluster,
                enum name_kind kind, struct slice target, struct slice id);

/* How many messages are kept, and for how long that and its position is. */
uint32_t rule_keep(const struct rule *rule);
uint64_t rule_list_s(const struct rule *rule);
uint64_t rule_hash_s(const struct rule *rule);

/* --- messages for those here only (cluster/local) --------------------------
 */

/* Whether it may be one while Redis is away. On any thread. */
bool local_allows(const struct cluster *cluster,
                  const struct engine_publication *publication);

/* Delivers a record, as the message that it has. */
void local_deliver(struct cluster *cluster, const char *room, size_t len,
                   struct slice bytes);

/* The room has no numbers any more, and owes nobody anything. */
void local_forgive(struct name *name);

/* --- rates of users (cluster/level) ----------------------------------------
 */

/* To be called each second: tells what was taken, and learns what others took.
 */
void level_tick(struct cluster *cluster);

/* --- being alone (cluster/alone) --------------------------------------------
 */

/* Whether the parcel need not be sent, as there is nobody. On any thread. */
bool alone_omits(struct cluster *cluster, const struct engine_parcel *parcel);

/* For how long the next lease is to claim that this machine is alone, ms; 0: it
 * does not. */
uint64_t alone_claim_ms(const struct cluster *cluster);

/* A lease that was asked for. */
struct alone_lease {
  uint64_t sent_ns; /* before that */
  bool claims;
};

/* It was given: what lua/redis/lease.lua has answered. */
void alone_leased(struct cluster *cluster, const struct alone_lease *lease,
                  const struct reply *reply);

/* There is no lease any more, or nobody knows. */
void alone_forget(struct cluster *cluster);

/* Whether what others send now is sent to this machine, too. */
bool alone_is_known(struct cluster *cluster);

/* Looks again at all who wait for that. */
void alone_settle(struct cluster *cluster);

/* False: it is no hello. */
bool alone_heard(struct name *name, struct slice payload);

/* --- machines (cluster/nodes) ----------------------------------------------
 */

/* Takes the lease from now on, until cluster->lease is closed. */
void nodes_begin(struct cluster *cluster);

/* Places are there, or are not there, that were otherwise. */
void nodes_up(struct cluster *cluster);
void nodes_down(struct cluster *cluster);

/* Entries of this machine were seen: it lives, or will be taken out. */
void nodes_notice(struct cluster *cluster, const char *life);

/* The same, at once, and not only now and then. */
void nodes_notice_now(struct cluster *cluster, const char *life);

/* Whether it is known to be gone: what is seen of it was left behind. */
bool nodes_is_gone(const struct cluster *cluster, const char *life);

/* Whether it may write entries by its name: nobody else can have taken it for
 * dead. If not, all that is withheld is written when that is known. */
bool nodes_may_write(struct cluster *cluster);

/* A message to all about a machine. False: it is none. */
bool nodes_heard(struct name *name, struct slice payload);

/* Asks for what machines say of themselves, a list of JSON texts. `done` and
 * ERR_ as link_command. */
MUST_CHECK int nodes_read(struct cluster *cluster, link_answer_fn *done,
                          void *arg);

/* Says goodbye; `done` is called when Redis has heard it, or never will. */
void nodes_leave(struct cluster *cluster,
                 void (*done)(struct cluster *cluster));

/* --- notices (cluster/notice) ----------------------------------------------
 */

/* False: it is none. */
bool notice_heard(struct name *name, struct slice payload);

/* --- who has which scripts (cluster/kinship) --------------------------------
 */

/* To be called each second: looks whether others have the same, and says so. */
void kinship_tick(struct cluster *cluster);
void kinship_free(struct cluster *cluster);

/* --- reading (cluster/read) ------------------------------------------------
 */

struct engine_read *begin_read(struct engine *engine, int worker,
                               const struct engine_query *query,
                               engine_read_fn *done, void *arg);
void cancel_read(struct engine_read *handle);

#endif
