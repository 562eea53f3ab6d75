/* SPDX-License-Identifier: MIT
 * The `type` of a message: 1 to 64 of A-Z a-z 0-9 _ . : - */
#ifndef WIRE_MSG_TYPE_H
#define WIRE_MSG_TYPE_H

#include <stdbool.h>
#include <stddef.h>

enum { MSG_TYPE_BYTES = 64 };

/* Whether the bytes may be the type of a message. */
bool msg_type_ok(const char *text, size_t len);

/* Whether messages of this type keep a connection going: auth_ok, auth_error,
 * ping, pong, goodbye. The two sides of a session do not count them, so nobody
 * else may send one. */
bool msg_type_is_control(const char *text, size_t len);

#endif
