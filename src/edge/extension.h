/* SPDX-License-Identifier: MIT
 * permessage-deflate in the handshake (RFC 7692, 7.1).
 *
 * wire/deflate compresses and inflates each message on its own. So the answer
 * forbids both sides to keep a context, which a server may demand of every
 * client. A client may have a smaller window than zlib's
 * (server_max_window_bits). It then gets only those messages compressed that
 * are not longer than its window: they cannot refer to anything farther back.
 */
#ifndef EDGE_EXTENSION_H
#define EDGE_EXTENSION_H

#include "wire/request.h"

#include <stdbool.h>

enum { EXTENSION_BYTES = 192, EXTENSION_BITS_MAX = 15 };

/* Looks for an acceptable offer in the value of Sec-WebSocket-Extensions: one
 * without anything that RFC 7692 does not know. Returns the size of the window
 * of the peer's inflater, as a power of two. It is EXTENSION_BITS_MAX if the
 * offer does not say (then `*said` is false), and 0 if there is no such offer.
 */
int extension_bits(struct slice offers, bool *said);

/* Accepts an offer of the request, if one is acceptable: writes the header for
 * the answer, with its CR LF. Returns the bits, or 0. */
int extension_answer(const struct request *request, char out[EXTENSION_BYTES]);

#endif
