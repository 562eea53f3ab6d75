/* SPDX-License-Identifier: MIT
 * What the kernel knows about a TCP socket, and nobody else does. */
#ifndef NET_TCP_H
#define NET_TCP_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TCP_ADDRESS_BYTES = 46 }; /* INET6_ADDRSTRLEN */

/* What tcp_peer writes for the peer of a Unix socket. */
#define TCP_UNIX_PEER "unix:"

/* Writes the peer's address without its port; an IPv4 address is written as
 * such also where it came over an IPv6 socket. ERR_SYSTEM if it is gone. */
MUST_CHECK int tcp_peer(int fd, char out[TCP_ADDRESS_BYTES]);

/* For how many milliseconds nothing was received; UINT64_MAX if not known. */
uint64_t tcp_silent_ms(int fd);

/* For how many milliseconds the peer's system has acknowledged nothing while it
 * should: 0 if it has acknowledged all that was sent, and for a Unix socket. */
uint64_t tcp_unanswered_ms(int fd);

/* How many bytes the peer has acknowledged since the beginning; 0 if that is
 * not known. */
uint64_t tcp_acked(int fd);

/* Of a listening socket, for all that it accepts: from now on the kernel takes
 * no more than about `bytes` that it cannot send yet. 0: as many as it likes.
 * Unix sockets have a bound of their own. */
void tcp_bound_unsent(int fd, size_t bytes);

/* Drops what was received and not read, up to 64 KiB: closed with bytes
 * unread, a socket resets the connection, and the peer may lose what is on its
 * way to it. */
void tcp_forget_unread(int fd);

/* At its close the socket forgets what the peer did not take, and says so
 * with a reset. Otherwise the kernel would keep that, up to some MiB, and try
 * for minutes. */
void tcp_forget_unsent(int fd);

#endif
