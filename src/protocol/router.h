/* SPDX-License-Identifier: MIT
 * The only way in: every message of every client comes through here.
 *
 * In this order: rates, envelope (read also when a rate refuses, for the id
 * that the refusal is to carry), the auth gate; then the
 * script's handler of that type, if its declaration admits the message, or a
 * built-in type. Messages of a connection are handled one at a time, in the
 * order in which they came: while a handler waits the next ones do, too
 * (protocol/inbox), but for ping and pong.
 *
 * Those of a raw connection take the same way, without an envelope: rates,
 * order, and then protocol/raw. */
#ifndef PROTOCOL_ROUTER_H
#define PROTOCOL_ROUTER_H

#include "hub/conn.h"

/* The most bytes a message may have at this moment; more closes 4507. */
size_t router_message_limit(const struct conn *conn);

/* A whole message. `text` is not NULL and borrowed; that of a raw connection
 * may be binary, else it is valid UTF-8. */
void router_message(struct conn *conn, const char *text, size_t len,
                    bool is_binary);

/* A ping or pong of RFC 6455, or an empty fragment, which costs its sender what
 * a message does. False if a rate has refused it: it is to be forgotten, and
 * counts as useless. */
bool router_control(struct conn *conn, size_t len);

/* For protocol->handle_late: a message that has waited, in its order. One that
 * came before its peer has closed the connection is heard; when we have closed
 * it, it is not. */
void router_message_late(struct conn *conn, const char *text, size_t len,
                         bool is_binary);

#endif
