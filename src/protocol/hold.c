/* SPDX-License-Identifier: MIT
 * Sockets that are not read. */
#include "protocol/hold.h"

void hold_set(struct conn *conn, enum hold reason) {
  if (!conn->held)
    conn->io->pause(conn, true);
  conn->held = (uint8_t)(conn->held | reason);
}

void hold_clear(struct conn *conn, enum hold reason) {
  if (!(conn->held & reason))
    return;
  conn->held = (uint8_t)(conn->held & ~reason);
  if (!conn->held)
    conn->io->pause(conn, false);
}
