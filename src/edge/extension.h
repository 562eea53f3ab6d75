/* SPDX-License-Identifier: MIT
 * permessage-deflate in the handshake (RFC 7692, 7.1).
 *
 * wire/deflate compresses and inflates the messages, and keeps no context; so
 * both sides are told to do without, which a server may demand of every client.
 * A client whose window is smaller than zlib's (server_max_window_bits) gets
 * those messages compressed that are not longer than its window, for they
 * cannot refer to anything farther back. */
#ifndef EDGE_EXTENSION_H
#define EDGE_EXTENSION_H

#include "wire/request.h"

#include <stdbool.h>

enum { EXTENSION_BYTES = 192, EXTENSION_BITS_MAX = 15 };

/* Looks for an offer that can be taken, one without anything that RFC 7692 does
 * not know, in the value of Sec-WebSocket-Extensions. Returns how large the
 * window of the peer's inflater is, as a power of two: EXTENSION_BITS_MAX if
 * the offer does not say (`*said` is false then). 0: there is no such offer. */
int extension_bits(struct slice offers, bool *said);

/* Accepts an offer of the upgrade, if there is one that can be taken: writes
 * the header for the answer, with its CR LF. Returns the bits, or 0. */
int extension_answer(const struct request *request, char out[EXTENSION_BYTES]);

#endif
