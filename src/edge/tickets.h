/* SPDX-License-Identifier: MIT
 * TLS sessions that outlive their connection.
 *
 * The server keeps no sessions. It gives each client a ticket: the session,
 * sealed with a key that only the server has (RFC 5077; RFC 8446, 4.6.1). A
 * client that comes back with its ticket is spared most of the handshake. The
 * keys belong to the process. So a ticket of one worker is good for all of
 * them, and a new certificate does not change that. Keys are never written
 * anywhere. From time to time a new key begins to seal; the one before it still
 * opens. In TLS 1.3 a ticket is used once; a full handshake gives two, and each
 * that is resumed one. */
#ifndef EDGE_TICKETS_H
#define EDGE_TICKETS_H

#include <openssl/ssl.h>

/* From now on this context gives and takes such tickets. */
void tickets_use(SSL_CTX *ctx);

#endif
