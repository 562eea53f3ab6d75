/* SPDX-License-Identifier: MIT
 * Which addresses a limit of addresses counts as one.
 *
 * An IPv4 address counts alone. With IPv6 a single host has a whole network of
 * 64 bits, and takes from it as many addresses as it likes: all addresses of
 * that network count as one. The addresses of 64:ff9b::/96 (RFC 6052) count
 * alone again: a translator has written IPv4 addresses as IPv6. */
#ifndef NET_NETWORK_H
#define NET_NETWORK_H

enum { NETWORK_BYTES = 50 }; /* INET6_ADDRSTRLEN and "/64" */

/* Writes "2001:db8:1:2::/64" for an IPv6 address. Any other text, such as one
 * that network_of has written, is copied, and cut when it is too long. */
void network_of(const char *address, char out[NETWORK_BYTES]);

#endif
