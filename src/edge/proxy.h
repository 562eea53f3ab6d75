/* SPDX-License-Identifier: MIT
 * Who a client is behind proxies: the option `proxy.trusted` and the header
 * X-Forwarded-For.
 *
 * Every proxy appends the address that it was called from. So the header reads
 * from the client to the last proxy. But a client can send such a header, too,
 * and the proxies append to that. Only its right end was certainly written by
 * proxies of ours, so it is read from there. The first address that is not one
 * of theirs is the client's; what stands to the left of it is hearsay. If the
 * peer is no proxy of ours, all of the header is. */
#ifndef EDGE_PROXY_H
#define EDGE_PROXY_H

#include "base/attr.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum { PROXY_ADDRESS_BYTES = 46 }; /* INET6_ADDRSTRLEN */

struct proxy_net;

struct proxies {
  struct proxy_net *nets;
  size_t count;
};

/* Reads addresses and networks ("10.0.0.0/8", "::1") from a list that ends
 * with NULL. ERR_CONFIG if an entry is neither, with that entry in `error`.
 * Free it in both cases. */
MUST_CHECK int proxy_parse(struct proxies *proxies, char *const *list,
                           struct buf *error);

/* Whether this address is one of them, or that of a Unix socket. The file's
 * permissions say who may open a Unix socket, and only a proxy has a reason to.
 */
bool proxy_trusted(const struct proxies *proxies, const char *address);

/* Writes who is behind the peer. `forwarded` is the header, with the newest
 * entry last; empty if there was none. The result is the peer itself, or an
 * address in its usual form, without a port. */
void proxy_client(const struct proxies *proxies, const char *peer,
                  const char *forwarded, char out[PROXY_ADDRESS_BYTES]);

void proxy_free(struct proxies *proxies);

#endif
