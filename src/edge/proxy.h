/* SPDX-License-Identifier: MIT
 * Who a client is behind proxies: the option `proxy.trusted` and the header
 * X-Forwarded-For.
 *
 * Every proxy appends the address that it was called from, so the header
 * reads from the client to the last proxy; but a client can send one, too,
 * and the proxies append to that. What is on the right was written by proxies
 * of ours, so it is read from there: the first address that is not theirs is
 * the client's, and what is left of it is hearsay. Of a peer that is no
 * proxy of ours the header is hearsay altogether. */
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
 * with NULL. ERR_CONFIG, with the entry that is none in `error`. Free it in
 * both cases. */
MUST_CHECK int proxy_parse(struct proxies *proxies, char *const *list,
                           struct buf *error);

/* Whether this address is one of them, or that of a Unix socket: who may open
 * that is said by its permissions, and nobody but a proxy has a reason to. */
bool proxy_trusted(const struct proxies *proxies, const char *address);

/* Writes who is behind the peer. `forwarded` is the header, the newest entry
 * last; empty if there was none. The result is the peer itself, or an address
 * in its usual form, without port. */
void proxy_client(const struct proxies *proxies, const char *peer,
                  const char *forwarded, char out[PROXY_ADDRESS_BYTES]);

void proxy_free(struct proxies *proxies);

#endif
