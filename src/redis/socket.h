/* SPDX-License-Identifier: MIT
 * The socket of a connection of hiredis, on a loop of libuv. */
#ifndef REDIS_SOCKET_H
#define REDIS_SOCKET_H

#include "base/attr.h"

#include <stdbool.h>
#include <uv.h>

struct redisAsyncContext;

/* hiredis is called when its socket is ready, and when there is an error: the
 * adapter that it brings leaves that out. False when libuv does not take the
 * descriptor. */
MUST_CHECK bool socket_attach(uv_loop_t *loop, struct redisAsyncContext *redis);

/* From now on `read` is called instead of hiredis when there is something to be
 * read, or an error. It may free the context. */
void socket_read_by(struct redisAsyncContext *redis, void (*read)(void *arg),
                    void *arg);

#endif
