/* SPDX-License-Identifier: MIT
 * Which addresses a limit of addresses counts as one.
 *
 * An IPv4 address is one by itself. Of IPv6 a single host has a whole network
 * of 64 bits, and takes from it as many addresses as it likes: those count
 * together. Not so those of 64:ff9b::/96 (RFC 6052), which are IPv4 addresses
 * that a translator has written as IPv6. */
#ifndef NET_NETWORK_H
#define NET_NETWORK_H

enum { NETWORK_BYTES = 50 }; /* INET6_ADDRSTRLEN and "/64" */

/* Writes "2001:db8:1:2::/64" for an IPv6 address; what is none, such as a text
 * that network_of has written, is written as it is, cut where it is longer. */
void network_of(const char *address, char out[NETWORK_BYTES]);

#endif
