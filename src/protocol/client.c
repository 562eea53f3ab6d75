/* SPDX-License-Identifier: MIT
 * The memory of a client. */
#include "protocol/client.h"

#include "base/mem.h"

#include <string.h>

_Static_assert(offsetof(struct client, messages) % MEM_LINE_BYTES == 0,
               "begins a line of the cache");
_Static_assert(offsetof(struct client, task) -
                       offsetof(struct client, messages) <=
                   MEM_LINE_BYTES,
               "stands in one line of the cache");

struct conn *client_new(struct protocol *protocol, const struct conn_io *io,
                        void *socket) {
  struct client *client = mem_alloc_aligned(sizeof *client);
  conn_init(&client->conn, &protocol->manager.owner, io, socket);
  list_init(&client->task.node);
  list_init(&client->deadline.node);
  return &client->conn;
}

void client_free(struct conn *conn) {
  struct client *client = client_of(conn);
  wheel_unset(&client->deadline);
  conn_clear(&client->conn);
  mem_free(client->login);
  if (client->brought)
    explicit_bzero(client->brought, strlen(client->brought));
  mem_free(client->brought);
  mem_free(client);
}
