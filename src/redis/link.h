/* SPDX-License-Identifier: MIT
 * A link to one Redis (or Valkey): a connection for commands, one for what is
 * subscribed to, and the proof that both are the same living server.
 *
 * Two connections, because one that has subscribed takes no other commands.
 * They live and end together: a link is *up* while both are connected to the
 * same master, logged in, all scripts are loaded there, and a message that was
 * published by the one has come back by the other. That is repeated each
 * `probe_ms`; when it fails twice, both are closed and made anew, since nothing
 * else tells of a subscriber that Redis has cut off, a server that stands
 * still, or two halves of a split that each have one of our connections. (A
 * server that is only behind, and goes on answering, is waited for.) When the
 * URL names Sentinels they are asked anew for each connection, and while it
 * stands.
 *
 * All on the thread of one loop. Nothing blocks, and no callback comes inside
 * the call that has asked for it: exceptions are named there. Callbacks may
 * call anything here, but link_free. */
#ifndef REDIS_LINK_H
#define REDIS_LINK_H

#include "base/attr.h"
#include "base/buf.h"
#include "redis/reply.h"
#include "wire/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct link;
struct link_channel; /* a subscription, from link_subscribe on */

/* What has become of a command. */
enum link_fate {
  LINK_ANSWERED, /* there is a reply; it may be an error */
  LINK_NOT_SENT, /* Redis has not seen it, and will not */
  LINK_UNKNOWN   /* the connection broke: Redis has done it, or has not */
};

/* `reply` is NULL unless LINK_ANSWERED, and there until this returns. */
typedef void link_answer_fn(void *arg, enum link_fate fate,
                            const struct reply *reply);

/* A script for EVALSHA. The link reads the text for each new connection. */
struct link_script {
  const char *text;
  size_t len;
};

enum { LINK_SHA_BYTES = 41 };

/* Writes what EVALSHA calls the script, with a zero. */
void link_script_sha(const struct link_script *script,
                     char out[LINK_SHA_BYTES]);

/* Each may be NULL. */
struct link_events {
  /* Commands can be given from now on. Then all channels are subscribed to
   * anew, and `subscribed` is called for each. */
  void (*up)(void *arg);

  /* It was up, and is not any more: `why` is for people. Before this, each
   * command that was under way has had its answer (LINK_UNKNOWN or
   * LINK_NOT_SENT). No message comes until `up`. */
  void (*down)(void *arg, const char *why);

  /* Redis has confirmed the subscription: what is published from now on
   * arrives. It comes again after each reconnect, and what was published
   * between `down` and this has been missed. `channel_arg` is what
   * link_subscribe was given. */
  void (*subscribed)(void *arg, void *channel_arg);

  /* Of a node of a cluster: it does not have the channel (any more). No message
   * of it comes until link_subscribe_again and `subscribed`. `why` is NULL, or
   * the error: "MOVED slot host:port". */
  void (*taken)(void *arg, void *channel_arg, const char *why);

  /* A message, in the order of the server. The bytes are there until this
   * returns. Only after `subscribed`, and never after link_unsubscribe. */
  void (*message)(void *arg, void *channel_arg, struct slice payload);
};

/* Borrowed until link_new returns, except `scripts`, their texts and `events`:
 * they are read as long as there is the link. */
struct link_options {
  const char *url;     /* config/redis_url */
  const char *host;    /* the node, if the URL is of a cluster; borrowed */
  int port;            /* of that */
  const char *name;    /* of this machine, for CLIENT LIST */
  const char *prefix;  /* of the channel for probes: "pg" (NULL): pg:p:… */
  const char *ca_file; /* PEM, for rediss://; NULL or "": the system's */
  uint64_t probe_ms;   /* 0: LINK_PROBE_MS */
  uint64_t timeout_ms; /* for a connection, all of its beginning included; 0:
                        * LINK_TIMEOUT_MS */
  size_t max_commands; /* that are under way; 0: LINK_COMMANDS */
  size_t max_bytes;    /* of these; 0: LINK_BYTES */
  const struct link_script *scripts;
  size_t script_count;
  const struct link_events *events;
  void *arg; /* of the events */
};

enum {
  LINK_PROBE_MS = 1000,
  LINK_TIMEOUT_MS = 5000,
  LINK_COMMANDS = 100000,
  LINK_BYTES = 64 * 1024 * 1024
};

/* X(name, help): counters, since link_new. */
#define LINK_COUNTERS(X)                                                       \
  X(commands, "commands that were sent to Redis")                              \
  X(answers, "answers of Redis")                                               \
  X(refused, "commands that were not sent: down, or too many under way")       \
  X(unknown, "commands whose connection broke before their answer")            \
  X(messages, "messages of channels that were received")                       \
  X(bytes_out, "bytes of commands")                                            \
  X(bytes_in, "bytes of messages of channels")                                 \
  X(probes_sent, "messages to itself that were sent")                          \
  X(probes_missed, "messages to itself that did not come back in time")        \
  X(connects, "times the link came up")                                        \
  X(losses, "times the link went down")                                        \
  X(attempts, "times a connection was tried")                                  \
  X(switches, "times Sentinel named another master")

struct link_counters {
#define LINK_COUNTER_FIELD(name, help) uint64_t name;
  LINK_COUNTERS(LINK_COUNTER_FIELD)
#undef LINK_COUNTER_FIELD
  uint64_t errors[REPLY_ERROR_COUNT]; /* answers that were these errors */
};

/* How it is now. */
struct link_status {
  bool up;
  const char *server;  /* "10.0.0.5:6379": the last one that was tried */
  const char *why;     /* not up: since when it is not, or what is tried */
  size_t commands;     /* under way */
  size_t bytes;        /* of these */
  size_t channels;     /* that are subscribed to, or wanted */
  uint64_t round_ns;   /* of the last probe: there and back */
  uint64_t up_since;   /* uv_now of the loop; 0: never */
  uint64_t down_since; /* the same; 0 while it is up */
};

/* Whether link_new takes this URL. ERR_CONFIG and a line in `why` if not. */
MUST_CHECK int link_check(const char *url, const char *ca_file,
                          struct buf *why);

/* Begins to connect, and goes on for ever. NULL, and a line in `why`, when the
 * options cannot be: the line has no password in it. */
MUST_CHECK struct link *
link_new(uv_loop_t *loop, const struct link_options *options, struct buf *why);

/* Sends a command: its words. They are copied. All commands reach the server
 * in the order of these calls, and `done` is called in the same order, once
 * for each; it may be NULL.
 * ERR_CLOSED while it is not up, ERR_FULL when too much is under way: then
 * nothing was sent, and `done` is not called. */
MUST_CHECK int link_command(struct link *link, const struct slice *words,
                            size_t count, link_answer_fn *done, void *arg);

/* The same, of a command as words_put makes it: with a zero behind it. */
MUST_CHECK int link_send(struct link *link, const char *text, size_t len,
                         link_answer_fn *done, void *arg);

/* Wants a channel, from now on and after each reconnect; also while it is not
 * up. Only one subscription for a name at a time: NULL if there is one. */
MUST_CHECK struct link_channel *
link_subscribe(struct link *link, struct slice name, void *channel_arg);

/* Whether it was `subscribed`, and was not taken since. */
bool link_is_subscribed(const struct link_channel *channel);

/* It was taken, and is to be asked for once more. */
void link_subscribe_again(struct link_channel *channel);

/* It is not wanted any more, and cannot be used any more. Accepts NULL. */
void link_unsubscribe(struct link_channel *channel);

/* Closes the connections and makes them anew, for a reason. */
void link_renew(struct link *link, const char *why);

bool link_is_up(const struct link *link);

struct link_status link_status(const struct link *link);
const struct link_counters *link_counters(const struct link *link);

/* Ends all. Inside this call each command that is under way has its `done`,
 * and then no callback comes any more; `down` is not called. Subscriptions
 * cannot be used any more. May be called in callbacks. Accepts NULL. */
void link_close(struct link *link);

/* Call it when the loop has closed the handles. Accepts NULL. */
void link_free(struct link *link);

#endif
