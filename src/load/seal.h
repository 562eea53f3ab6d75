/* SPDX-License-Identifier: MIT
 * TLS for the peers of the generator, without a socket: bytes in, bytes out.
 *
 * Certificates are not checked: what is measured has often one that signs
 * itself, and what is sent is made up. */
#ifndef LOAD_SEAL_H
#define LOAD_SEAL_H

#include "base/attr.h"
#include "base/buf.h"

struct sealer; /* what all connections share */
struct seal;   /* of one connection */

/* NULL with the reason in `error`. */
MUST_CHECK struct sealer *sealer_new(struct buf *error);

/* Accepts NULL. */
void sealer_free(struct sealer *sealer);

/* A new connection to a server of that name. NULL without memory. */
MUST_CHECK struct seal *seal_new(struct sealer *sealer, const char *host);

/* Accepts NULL. */
void seal_free(struct seal *seal);

/* What has come from the server. */
void seal_receive(struct seal *seal, const char *bytes, size_t len);

/* Writes what that says to `out`. Returns its length; 0: no more for now; or
 * ERR_SYSTEM, and a short reason is seal_why. Until the handshake is over it is
 * 0, and drives it. */
MUST_CHECK int seal_open(struct seal *seal, char *out, int cap);

const char *seal_why(void);

/* Appends to `wire` what is to be written to the server: of the handshake, and
 * when that is over all of `plain`, which is then empty. */
void seal_close(struct seal *seal, struct buf *plain, struct buf *wire);

#endif
