/* SPDX-License-Identifier: MIT
 * Where the Lua of a file begins. */
#ifndef BASE_SOURCE_H
#define BASE_SOURCE_H

#include <stddef.h>

/* How many bytes of a file with Lua source are not Lua: the byte order mark
 * that some editors write, and a first line that begins with `#`, up to its
 * line break, so that lines keep their numbers. `lua` passes over the same. */
size_t source_start(const char *text, size_t len);

#endif
