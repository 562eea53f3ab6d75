/* SPDX-License-Identifier: MIT
 * Where the head of an HTTP request ends. */
#ifndef EDGE_HEAD_H
#define EDGE_HEAD_H

#include <stddef.h>

/* Longer heads are not looked through; the library refuses them. */
enum { HEAD_BYTES_MAX = 8192 };

/* How many of these first bytes of a connection are its first request up to
 * the empty line; 0 if more are to come (of fewer than HEAD_BYTES_MAX). All of
 * them if they are no request, or one that is too long. */
size_t head_length(const char *data, size_t len);

#endif
