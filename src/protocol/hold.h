/* SPDX-License-Identifier: MIT
 * Why a socket is not read for a while. Meanwhile its kernel, and its peer's,
 * keep what comes; in the end the peer waits. Nothing is lost. */
#ifndef PROTOCOL_HOLD_H
#define PROTOCOL_HOLD_H

#include "hub/conn.h"

enum hold {
  HOLD_INBOX = 1, /* too much waits to be handled */
  HOLD_RATE = 2,  /* it is far past its rates */
  HOLD_MOVE = 4,  /* its socket may go to another connection */
};

/* Adds a reason, or takes it away. Without a reason reading goes on. */
void hold_set(struct conn *conn, enum hold reason);
void hold_clear(struct conn *conn, enum hold reason);

#endif
