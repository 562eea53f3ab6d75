/* SPDX-License-Identifier: MIT
 * Sockets that are not read. */
#include "protocol/hold.h"

#include "protocol/client.h"

void hold_set(struct conn *conn, enum hold reason) {
  struct client *client = client_of(conn);
  if (!client->held)
    conn->io->pause(conn, true);
  client->held = (uint8_t)(client->held | reason);
}

void hold_clear(struct conn *conn, enum hold reason) {
  struct client *client = client_of(conn);
  if (!(client->held & reason))
    return;
  client->held = (uint8_t)(client->held & ~reason);
  if (!client->held)
    conn->io->pause(conn, false);
}
