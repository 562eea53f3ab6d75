/* SPDX-License-Identifier: MIT
 * Rooms whose messages have numbers, and are kept: `["@rooms"]` with `history`,
 * `latest` or `resync`.
 *
 * All workers publish to such a room through the engine, which gives each
 * message its number. It hands the messages of a room to every worker that has
 * entered it, in the order of their numbers: as letters of the bus, BUS_SEND
 * with `era` and `seq`. Only the worker that publishes may deliver at once,
 * when it has delivered all that came before (engine_result.frame).
 *
 * The numbers of a room are 1, 2, 3 and so on in one era. A new era begins when
 * something that was numbered is lost for reasons other than the room's own
 * bounds: at a start, when the memory for histories is used up, when a script
 * wants it to be forgotten. Workers that are in the room get a letter then,
 * BUS_ERA. Eras of a room only grow. Clients know an era by a short text, its
 * epoch, which no other process has.
 *
 * A worker that is too far behind to be sent letters gets BUS_BEHIND, and no
 * message of that room any more, until it has read what it has missed
 * (engine_query.repairs).
 *
 * An engine is a table of functions, so that the messages may be kept
 * elsewhere: engine/memory keeps them in this process. Every function may be
 * called on any thread, unless it says otherwise. Rooms are given by name, with
 * its length, and a zero at the end; their rules are those of the caller.
 *
 * An engine may also connect this process to others, which is called to be
 * shared. Who is here, and how a message reaches them, is the matter of the bus
 * and its whereabouts, whatever the engine is. A shared engine stands beside
 * them for everybody elsewhere: it is told which names somebody here has, so
 * that it hears of them (engine_follow), it takes what is also for others
 * (engine_send), and posts what they have sent to the workers, as letters of
 * the bus. Those functions are not there in an engine that is not shared: whose
 * caller looks first (engine_is_shared), and does nothing else. */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "engine/bus.h"
#include "engine/far.h"
#include "engine/news.h"
#include "engine/rules.h"
#include "net/turn.h"
#include "wire/frame.h"

enum {
  ENGINE_EPOCH_BYTES = 24,  /* with the zero */
  ENGINE_NUMBER_BYTES = 27, /* of `,"seq":N`, at most */
  ENGINE_KEY_BYTES = 128,   /* of `key` and `id` */
  ENGINE_ONCE_MS = 300000,  /* how long an id is known */
};

struct engine;
struct engine_read;
struct engine_wait; /* of engine_settle: not answered yet */

/* How far a room is. `seq` is 0 before its first message. */
struct engine_position {
  uint64_t era, seq;
};

/* A later era is later, whatever the number. */
static inline bool position_is_before(struct engine_position a,
                                      struct engine_position b) {
  return a.era != b.era ? a.era < b.era : a.seq < b.seq;
}

/* What came of a publication that somebody waits for: 0 and its number, or
 * ERR_UNAVAILABLE. */
typedef void engine_confirmed_fn(void *arg, int err, uint64_t seq);

struct engine_publication {
  const char *room;
  size_t room_len;
  const struct rule *rule; /* is numbered */
  const char *text;        /* the message, a JSON object, */
  size_t len;
  size_t number_at; /* and where `,"seq":N` is put: behind a member of it */
  const char *key;  /* with `latest`; NULL is the empty one */
  size_t key_len;   /* up to ENGINE_KEY_BYTES */
  const char *id;   /* the same id again is no new message; NULL: none */
  size_t id_len;
  uint64_t except; /* the id of a connection that is left out; 0: none */
  bool drop;       /* skip connections that are behind */
  int worker;      /* who publishes: 0, 1, …; -1: none of the workers */
  engine_confirmed_fn *done; /* called if the result is pending, as that of
                              * engine_settle; NULL: nobody waits */
  void *arg;
  bool is_in;                       /* that worker has entered the room, */
  struct engine_position delivered; /* and has delivered this to it */
};

struct engine_result {
  int err;      /* 0, or ERR_UNAVAILABLE: it was not published */
  bool pending; /* it is under way, and letters come: no more is known yet */
  struct engine_wait *wait; /* for engine_give_up, with `done`; else NULL */
  bool repeated;       /* the id was known: `at` is where that message was */
  struct frame *frame; /* to be delivered here and now by the caller, who owns
                        * the reference. NULL: a letter comes, or nobody of
                        * this worker is in the room. */
  struct engine_position at;
  int left_out; /* a worker that was too far behind to be sent it; -1: none */
};

enum engine_range {
  ENGINE_SINCE,  /* what came after `after` of `epoch`, if all is there */
  ENGINE_LAST,   /* the newest `limit` */
  ENGINE_AFTER,  /* the oldest that are after `after`, and before `before` */
  ENGINE_BEFORE, /* the newest that are before `before` */
};

struct engine_query {
  const char *room;
  size_t room_len;
  const struct rule *rule; /* is numbered */
  enum engine_range range;
  char epoch[ENGINE_EPOCH_BYTES];
  uint64_t after, before; /* numbers; a `before` of 0 bounds nothing */
  uint32_t limit;         /* messages; 0: only the position is asked for */
  size_t bytes; /* of frames; at least one message is told. 0: any number */
  bool repairs; /* of ENGINE_SINCE: the worker has had BUS_BEHIND, and delivers
                 * what it is told. When there is no more, it gets letters
                 * again, of all that is after `now`. */
};

struct engine_message {
  struct frame *frame;
  uint64_t seq;
  int64_t at_ms; /* when it was published, Unix time */
};

struct engine_answer {
  int err;                    /* 0, or ERR_UNAVAILABLE: nothing is known */
  struct engine_position now; /* of the room, at one moment with the rest */
  bool recovered; /* of ENGINE_SINCE: nothing is missing from `after` to `now`
                   * but what `latest` has overwritten; then `messages` are the
                   * first ones. Else there are none. True for other ranges. */
  bool more;      /* `limit` or `bytes` has left messages out, which an
                   * ENGINE_SINCE from the last one on (an AFTER, a BEFORE, as
                   * it was) reads next */
  uint32_t count;
  const struct engine_message *messages; /* in the order of their numbers. They
                                          * and their frames are borrowed until
                                          * the function returns. */
};

typedef void engine_read_fn(void *arg, const struct engine_answer *answer);

/* What is held now, and what was counted from the start. */
struct engine_stats {
  uint64_t rooms;    /* that have members, or something that is kept */
  uint64_t messages; /* kept */
  uint64_t bytes;    /* that these and the rooms need, about */
  uint64_t published;
  uint64_t repeated; /* publications whose id was known */
  uint64_t evicted;  /* histories lost because memory was used up */
};

/* Something for those who are on other machines. */
struct engine_parcel {
  const struct bus_letter *letter; /* BUS_SEND, BUS_CLOSE or BUS_PROBE, to a
                                    * user, a room or all; BUS_JOIN or
                                    * BUS_LEAVE, to a user */
  uint64_t machine; /* of a letter to a connection there (BUS_CONN); else 0 */
  bool echo; /* it is for those who are here, too: the caller has not delivered
              * it, and letters come. So it keeps its order among messages with
              * numbers. */
  const char *id; /* with `echo`, to a room: the same id again is not sent */
  size_t id_len;
};

/* A name is followed; or it cannot be now (ERR_UNAVAILABLE). Of a user, how
 * many connections he has on other machines. */
typedef void engine_settled_fn(void *arg, int err, uint32_t elsewhere);

/* What is asked of other machines. */
enum engine_subject {
  ENGINE_MEMBERS, /* users in a room, and how many connections */
  ENGINE_CONNS,   /* connections of a user */
  ENGINE_USERS,   /* all users, all rooms */
  ENGINE_ROOMS,
};

/* `news` is there until this returns. */
typedef void engine_news_fn(void *arg, const struct engine_news *news);

struct engine_ops {
  struct engine_position (*enter)(struct engine *engine, int worker,
                                  const char *room, size_t len,
                                  const struct rule *rule);
  void (*exit)(struct engine *engine, int worker, const char *room, size_t len);
  void (*publish)(struct engine *engine,
                  const struct engine_publication *publication,
                  struct engine_result *result);
  struct engine_read *(*read)(struct engine *engine, int worker,
                              const struct engine_query *query,
                              engine_read_fn *done, void *arg);
  void (*cancel)(struct engine_read *read);
  void (*forget)(struct engine *engine, const char *room, size_t len);
  bool (*once)(struct engine *engine, const char *room, size_t len,
               const char *id, size_t id_len, uint64_t *seq);
  void (*epoch)(const struct engine *engine, uint64_t era,
                char text[ENGINE_EPOCH_BYTES]);
  void (*attach)(struct engine *engine, int worker, struct turn *turn);
  void (*detach)(struct engine *engine, int worker);
  void (*set_rules)(struct engine *engine, struct rules *rules);
  struct rules *(*hold_rules)(struct engine *engine);
  void (*tick)(struct engine *engine);
  struct engine_stats (*stats)(struct engine *engine);
  void (*free)(struct engine *engine);

  /* Of a shared engine, else NULL. */
  void (*follow)(struct engine *engine, enum bus_to to, const char *name,
                 size_t len);
  void (*unfollow)(struct engine *engine, enum bus_to to, const char *name,
                   size_t len);
  struct engine_wait *(*settle)(struct engine *engine, int worker,
                                enum bus_to to, const char *name, size_t len,
                                engine_settled_fn *done, void *arg);
  void (*give_up)(struct engine_wait *wait);
  int (*send)(struct engine *engine, const struct engine_parcel *parcel);
  struct engine_wait *(*ask)(struct engine *engine, int worker,
                             enum engine_subject subject, const char *name,
                             size_t len, engine_news_fn *done, void *arg);
  struct engine_wait *(*ask_store)(struct engine *engine, int worker,
                                   const struct far_call *call,
                                   far_answered_fn *done, void *arg);
};

/* The first member of what an implementation has. */
struct engine {
  const struct engine_ops *ops;
};

/* The worker has a member in the room from now on, or still has one and a new
 * rule. Returns where the room is: the worker gets the letters of all that is
 * published after that. Letters up to there may still be on their way, from an
 * earlier stay: it drops what is not after the position. */
static inline struct engine_position engine_enter(struct engine *engine,
                                                  int worker, const char *room,
                                                  size_t len,
                                                  const struct rule *rule) {
  return engine->ops->enter(engine, worker, room, len, rule);
}

/* The worker has no member there any more. */
static inline void engine_exit(struct engine *engine, int worker,
                               const char *room, size_t len) {
  engine->ops->exit(engine, worker, room, len);
}

/* Gives the message its number, keeps it, and posts it. */
static inline void engine_publish(struct engine *engine,
                                  const struct engine_publication *publication,
                                  struct engine_result *result) {
  engine->ops->publish(engine, publication, result);
}

/* Asks for messages. `done` is called on the loop of the worker whose thread
 * calls this, and never before this has returned. The query is copied, with
 * what it points to. The handle is good until `done` is called. */
MUST_CHECK static inline struct engine_read *
engine_read(struct engine *engine, int worker, const struct engine_query *query,
            engine_read_fn *done, void *arg) {
  return engine->ops->read(engine, worker, query, done, arg);
}

/* Nobody wants the answer any more: `done` is not called. On the thread that
 * has asked. */
static inline void engine_cancel(struct engine *engine,
                                 struct engine_read *read) {
  engine->ops->cancel(read);
}

/* The room's history is dropped, and a new era begins. */
static inline void engine_forget(struct engine *engine, const char *room,
                                 size_t len) {
  engine->ops->forget(engine, room, len);
}

/* For messages that have no number: whether the id is new there. If it is not,
 * `seq` gets the number of the message that had it; 0 if it had none. */
MUST_CHECK static inline bool engine_once(struct engine *engine,
                                          const char *room, size_t len,
                                          const char *id, size_t id_len,
                                          uint64_t *seq) {
  return engine->ops->once(engine, room, len, id, id_len, seq);
}

/* The text by which clients know the era. */
static inline void engine_epoch(const struct engine *engine, uint64_t era,
                                char text[ENGINE_EPOCH_BYTES]) {
  engine->ops->epoch(engine, era, text);
}

/* Reads of this worker are answered in turns of its loop. Before it reads, on
 * its thread. The number behind the last worker's is that of the HTTP API. */
static inline void engine_attach(struct engine *engine, int worker,
                                 struct turn *turn) {
  engine->ops->attach(engine, worker, turn);
}

/* The worker asks for nothing more, and what it has asked for is not answered
 * any more. On its thread, before its loop ends. */
static inline void engine_detach(struct engine *engine, int worker) {
  if (engine->ops->detach)
    engine->ops->detach(engine, worker);
}

/* These are the rules from now on: what they keep less of goes, soon. Takes a
 * reference of its own; NULL is no rule. */
static inline void engine_set_rules(struct engine *engine,
                                    struct rules *rules) {
  engine->ops->set_rules(engine, rules);
}

/* The rules of this moment, for who is no worker: a reference, to be given back
 * with rules_unref. NULL: there are none. */
MUST_CHECK static inline struct rules *
engine_hold_rules(struct engine *engine) {
  return engine->ops->hold_rules(engine);
}

/* To be called about every second: drops what is too old. */
static inline void engine_tick(struct engine *engine) {
  engine->ops->tick(engine);
}

static inline struct engine_stats engine_stats(struct engine *engine) {
  return engine->ops->stats(engine);
}

/* --- other machines ------------------------------------------------------ */

/* Whether there may be other machines. Only then the functions below may be
 * called. */
static inline bool engine_is_shared(const struct engine *engine) {
  return engine->ops->send;
}

/* Somebody on one more worker is in that room (BUS_ROOM), or is that user
 * (BUS_USER): what others send there is heard from now on, or soon. */
static inline void engine_follow(struct engine *engine, enum bus_to to,
                                 const char *name, size_t len) {
  engine->ops->follow(engine, to, name, len);
}

/* Nobody on that worker is, any more: undoes one engine_follow. */
static inline void engine_unfollow(struct engine *engine, enum bus_to to,
                                   const char *name, size_t len) {
  engine->ops->unfollow(engine, to, name, len);
}

/* Follows the name, until `done` has returned, and has it called when all that
 * others send there is heard, and, of a room with numbers, what is kept is
 * here. `done` is called on the loop of the worker whose thread calls this, and
 * never before this has returned. Returns NULL when it is so already: nothing
 * is called then. */
MUST_CHECK static inline struct engine_wait *
engine_settle(struct engine *engine, int worker, enum bus_to to,
              const char *name, size_t len, engine_settled_fn *done,
              void *arg) {
  return engine->ops->settle(engine, worker, to, name, len, done, arg);
}

/* Nobody wants to know any more: `done` is not called. On the thread that has
 * asked. */
static inline void engine_give_up(struct engine *engine,
                                  struct engine_wait *wait) {
  engine->ops->give_up(wait);
}

/* Asks the other machines. `done` is called as that of engine_settle. */
MUST_CHECK static inline struct engine_wait *
engine_ask(struct engine *engine, int worker, enum engine_subject subject,
           const char *name, size_t len, engine_news_fn *done, void *arg) {
  return engine->ops->ask(engine, worker, subject, name, len, done, arg);
}

/* Asks the store that the machines share; the call is copied, with what it
 * points to. `done` is called as that of engine_settle. */
MUST_CHECK static inline struct engine_wait *
engine_ask_store(struct engine *engine, int worker, const struct far_call *call,
                 far_answered_fn *done, void *arg) {
  return engine->ops->ask_store(engine, worker, call, done, arg);
}

/* Sends it to the other machines that follow its target. Messages that one
 * thread sends reach them in their order. 0, or ERR_UNAVAILABLE: nobody else
 * is reached now; of what was to come back as an echo, and has no id, letters
 * have been posted all the same. */
static inline int engine_send(struct engine *engine,
                              const struct engine_parcel *parcel) {
  return engine->ops->send(engine, parcel);
}

/* No thread uses it any more. Accepts NULL. */
static inline void engine_free(struct engine *engine) {
  if (engine)
    engine->ops->free(engine);
}

#endif
