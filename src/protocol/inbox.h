/* SPDX-License-Identifier: MIT
 * Messages that wait because a handler of their connection waits, or because
 * others are to have their turn. While there is an inbox (client->inbox), what
 * comes goes to its end.
 *
 * Past INBOX_MESSAGES or INBOX_BYTES the socket is no longer read, until half
 * of them are handled: the peer's kernel waits then, nothing is dropped. */
#ifndef PROTOCOL_INBOX_H
#define PROTOCOL_INBOX_H

#include "hub/conn.h"

enum { INBOX_MESSAGES = 64, INBOX_BYTES = 256 * 1024 };

/* What comes from now on waits until inbox_run. */
void inbox_hold(struct conn *conn);

/* Copies a message to the end. */
void inbox_push(struct conn *conn, const char *text, size_t len,
                bool is_binary);

/* A message is handed on; `text` is borrowed. */
typedef void inbox_fn(struct conn *conn, const char *text, size_t len,
                      bool is_binary);

/* Hands on, in order, one at least, until the connection is busy again, has
 * had its share of the turn, or none is left. */
void inbox_run(struct conn *conn, inbox_fn *handle);

/* Forgets all of them. */
void inbox_drop(struct conn *conn);

#endif
