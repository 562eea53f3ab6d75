/* SPDX-License-Identifier: MIT
 * Messages that wait. They do while a handler of their connection waits, while
 * it is not known yet who the client is, or until others have had their turn.
 *
 * As long as there is an inbox (client->inbox), what comes goes to its end: so
 * messages keep their order. Past INBOX_MESSAGES or INBOX_BYTES the socket is
 * no longer read, until half of them are handled. The peer's kernel waits
 * then, and nothing is dropped. */
#ifndef PROTOCOL_INBOX_H
#define PROTOCOL_INBOX_H

#include "hub/conn.h"

struct inbox;

enum { INBOX_MESSAGES = 64, INBOX_BYTES = 256 * 1024 };

/* What comes from now on waits until inbox_go_on. */
void inbox_hold(struct conn *conn);

/* Copies a message to the end. */
void inbox_push(struct conn *conn, const char *text, size_t len,
                bool is_binary);

/* Hands messages to protocol->handle_late, in order, one at least, until the
 * connection is busy again, has had its share of the turn, or none is left.
 * What is left then for want of time gets a turn of its own. */
void inbox_go_on(struct conn *conn);

/* Moves all of them to the end of those of `to`. */
void inbox_move(struct conn *from, struct conn *to);

/* Frees what client->inbox was. Accepts NULL. */
void inbox_free(struct inbox *inbox);

/* Forgets all of them. */
void inbox_drop(struct conn *conn);

#endif
