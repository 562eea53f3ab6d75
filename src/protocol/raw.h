/* SPDX-License-Identifier: MIT
 * Raw mode: connections to the path `raw.path`, which speak a protocol of the
 * scripts' own. Their messages go to the hook @raw as they are, text or
 * binary; nothing is parsed, and nothing of our own protocol is sent to them.
 *
 * They have no message that could carry a token or an error. So the handshake
 * settles who they are, and what would be answered with an error closes
 * them. */
#ifndef PROTOCOL_RAW_H
#define PROTOCOL_RAW_H

#include "hub/conn.h"

/* The choices of raw.auth. */
enum raw_auth { RAW_AUTH_NONE, RAW_AUTH_TOKEN };

/* The connection was opened. As raw.auth says, it is let in, or the token that
 * came with the handshake (`len` 0: none did) is checked, which may wait for a
 * script. If it is refused, it is closed 4501. */
void raw_open(struct conn *conn, const char *token, size_t len);

/* Gives a whole message to the hook; text is valid UTF-8. Closes the connection
 * 4506 if no script has the hook any more. The connection is not busy. */
void raw_message(struct conn *conn, const char *data, size_t len,
                 bool is_binary);

#endif
