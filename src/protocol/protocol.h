/* SPDX-License-Identifier: MIT
 * The beginning and the end of a worker's protocol. What it consists of, struct
 * protocol, is in protocol/client. */
#ifndef PROTOCOL_PROTOCOL_H
#define PROTOCOL_PROTOCOL_H

#include "config/config.h"
#include "protocol/client.h"

/* Descriptors for everything that is no connection: the loops of the workers,
 * plain HTTP, and telling one client too many why it may not stay. */
unsigned protocol_other_descriptors(const struct config *config);

/* `key` is borrowed. */
void protocol_init(struct protocol *protocol, uv_loop_t *loop,
                   const struct config *config, const struct jwt_key *key);

/* From now on the RELOADABLE options are those of this configuration, which is
 * borrowed until the next call. */
void protocol_configure(struct protocol *protocol, const struct config *config);

/* Every connection must be released before. Does not free generations. */
void protocol_free(struct protocol *protocol);

#endif
