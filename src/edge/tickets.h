/* SPDX-License-Identifier: MIT
 * TLS sessions that outlive their connection.
 *
 * The server keeps no session: it gives each client a ticket, the session
 * sealed with a key that only the server has (RFC 5077; RFC 8446, 4.6.1). Who
 * comes back with it is spared most of the handshake. The keys are those of the
 * process, so that a ticket of one worker is good for all of them, and a new
 * certificate changes nothing about it. They are never written anywhere. A new
 * one seals from time to time; the one before it still opens. */
#ifndef EDGE_TICKETS_H
#define EDGE_TICKETS_H

#include <openssl/ssl.h>

/* This context gives and takes such tickets from now on. */
void tickets_use(SSL_CTX *ctx);

#endif
