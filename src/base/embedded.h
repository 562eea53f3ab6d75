/* SPDX-License-Identifier: MIT
 * Files that are inside the program: written by cmake/embed.cmake. */
#ifndef BASE_EMBEDDED_H
#define BASE_EMBEDDED_H

#include <stddef.h>

struct embedded {
  /* File name without folder, but "templates/…" for those of `perigee new`
   * and "console/dist/…" for the pages; NULL ends the table. */
  const char *name;
  const char *data; /* followed by a zero byte that is not counted */
  size_t len;
};

extern const struct embedded embedded_files[];

/* The file of that name, or NULL. */
const struct embedded *embedded_find(const char *name);

#endif
