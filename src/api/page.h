/* SPDX-License-Identifier: MIT
 * A page of names in their order, out of many that come in none.
 *
 * Only as many names as the page has are kept, however many are offered. Names
 * are compared byte by byte. */
#ifndef API_PAGE_H
#define API_PAGE_H

#include "wire/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct page {
  struct slice prefix; /* only names that begin like this */
  struct slice after;  /* only names behind this one */
  size_t limit;
  char **names; /* sorted */
  size_t count;
  bool more; /* there are names behind these */
};

void page_init(struct page *page, size_t limit);
void page_free(struct page *page);

/* One of the names; `arg` is the page. For the functions of whereabouts that
 * go through names. */
void page_offer(void *arg, const char *name);

#endif
