/* SPDX-License-Identifier: MIT
 * The header Forwarded (RFC 7239): `for=192.0.2.1;proto=https, for="[::1]:80"`.
 *
 * Proxies append to it, behind what a client may have sent itself. So it is
 * read from the right, as X-Forwarded-For is (edge/proxy): a quotation mark
 * that a client has left open cannot swallow what a proxy wrote. */
#ifndef EDGE_FORWARDED_H
#define EDGE_FORWARDED_H

#include <stddef.h>

/* Writes what the elements have for `for` in the form of X-Forwarded-For, in
 * their order, separated by commas: "192.0.2.1,[::1]:80". An element without
 * one, or with several, is empty there. `out` has room for as many bytes as the
 * text and a zero. */
void forwarded_hops(const char *text, size_t len, char *out);

#endif
