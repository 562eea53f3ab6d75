/* SPDX-License-Identifier: MIT
 * Subprotocols (RFC 6455, 1.9): what a client offers in its handshake, and the
 * option `subprotocols`, which says what is spoken here.
 *
 * A client that offers some wants one of them: browsers end a WebSocket whose
 * answer names none. So it gets the first of its own that is ours, or is
 * refused in words. One that offers nothing is let in as it is. */
#ifndef EDGE_SUBPROTOCOL_H
#define EDGE_SUBPROTOCOL_H

#include "base/attr.h"
#include "wire/request.h"

enum { SUBPROTOCOL_BYTES = 64 }; /* of a name, see check_config */

struct subprotocol {
  char name[SUBPROTOCOL_BYTES + 1]; /* to be answered; "": none is offered */
  char words[512];                  /* of the refusal, a line */
};

/* The first that is offered and one of `ours`, a list that ends with NULL; an
 * empty field offers none. False if there is no such one: then `words` says so,
 * and what was offered. */
MUST_CHECK bool subprotocol_choose(const struct request *request,
                                   char *const *ours, struct subprotocol *out);

#endif
