/* SPDX-License-Identifier: MIT
 * The `type` of a message: 1 to 64 of A-Z a-z 0-9 _ . : - */
#ifndef WIRE_MSG_TYPE_H
#define WIRE_MSG_TYPE_H

#include <stdbool.h>
#include <stddef.h>

enum { MSG_TYPE_BYTES = 64 };

/* Whether the bytes may be the type of a message. */
bool msg_type_ok(const char *text, size_t len);

#endif
