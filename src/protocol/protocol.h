/* SPDX-License-Identifier: MIT
 * The protocol's side of one worker: what its built-in types work with. */
#ifndef PROTOCOL_PROTOCOL_H
#define PROTOCOL_PROTOCOL_H

#include "base/stats.h"
#include "config/config.h"
#include "hub/manager.h"
#include "hub/rates.h"
#include "protocol/keywait.h"
#include "script/host.h"
#include "wire/frame.h"

#include <uv.h>

/* Descriptors for everything that is no connection: the loops of the workers,
 * plain HTTP, and telling one client too many why it may not stay. */
unsigned protocol_other_descriptors(const struct config *config);

struct protocol {
  const struct config *config; /* the live generation holds it */
  uv_loop_t *loop;             /* borrowed */
  struct stats stats;
  struct manager manager;
  struct rates *rates; /* those that handlers declare; borrowed, set by who
                        * made them, before the first message */
  struct host host;
  struct keywait keywait; /* tokens whose key is being fetched */
  struct frame *ping;     /* {"type":"ping"}, shared by all connections */
  struct frame *pong;
  struct frame *raw_ping; /* of opcode 9, for raw connections */
  struct buf out;         /* where answers are written */
};

/* `key` is borrowed. */
void protocol_init(struct protocol *protocol, uv_loop_t *loop,
                   const struct config *config, const struct jwt_key *key);

/* What is RELOADABLE is as this says from now on. It is borrowed until the next
 * one. */
void protocol_configure(struct protocol *protocol, const struct config *config);

/* Every connection must be released before. Does not free generations. */
void protocol_free(struct protocol *protocol);

static inline struct protocol *protocol_of(const struct conn *conn) {
  return container_of(conn->manager, struct protocol, manager);
}

#endif
