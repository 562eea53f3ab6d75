/* SPDX-License-Identifier: MIT
 * The only way in: every message of every client comes through here, and is
 * dispatched. It passes, in this order:
 *
 * - the rates of its connection;
 * - the envelope, which is read even if a rate refuses, for the id that the
 *   refusal is to carry;
 * - the gate of auth;
 * - the script's handler of that type, if its declaration admits the message,
 *   or else a built-in type.
 *
 * The messages of a connection are handled one at a time, in the order in which
 * they came. While a handler waits, the next messages wait, too
 * (protocol/inbox), except for ping and pong.
 *
 * Messages of a raw connection take the same way without an envelope: rates,
 * order, and then protocol/raw. */
#ifndef PROTOCOL_ROUTER_H
#define PROTOCOL_ROUTER_H

#include "hub/conn.h"

/* The most bytes that a message may have at this moment. More closes 4507. */
size_t router_message_limit(const struct conn *conn);

/* Takes a whole message. `text` is not NULL, and borrowed. On a raw connection
 * it may be binary; if it is not, it is valid UTF-8. */
void router_message(struct conn *conn, const char *text, size_t len,
                    bool is_binary);

/* Takes a ping or pong of RFC 6455, or an empty fragment: it costs its sender
 * what a message does. False if a rate has refused it. Then it is to be
 * forgotten, and has been counted as useless. */
bool router_control(struct conn *conn, size_t len);

/* For protocol->handle_late: a message that has waited, in its order. One that
 * came before its peer has closed the connection is heard; when we have closed
 * it, it is not. */
void router_message_late(struct conn *conn, const char *text, size_t len,
                         bool is_binary);

#endif
