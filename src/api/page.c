/* SPDX-License-Identifier: MIT
 * Pages of names. */
#include "api/page.h"

#include "base/mem.h"

#include <string.h>

void page_init(struct page *page, size_t limit) {
  *page = (struct page){.prefix = {"", 0}, .after = {"", 0}, .limit = limit};
  page->names = mem_alloc((limit + 1) * sizeof *page->names);
}

void page_free(struct page *page) {
  for (size_t i = 0; i < page->count; i++)
    mem_free(page->names[i]);
  mem_free(page->names);
}

/* Whether a name comes behind a text that has no zero at its end. */
static bool is_behind_text(const char *name, struct slice text) {
  size_t len = strlen(name), common = len < text.len ? len : text.len;
  int order = common > 0 ? memcmp(name, text.at, common) : 0;
  return order > 0 || (order == 0 && len > text.len);
}

static bool is_wanted(const struct page *page, const char *name) {
  if (strncmp(name, page->prefix.at, page->prefix.len) != 0)
    return false;
  return page->after.len == 0 || is_behind_text(name, page->after);
}

/* Where the name belongs. */
static size_t place_of_name(const struct page *page, const char *name) {
  size_t low = 0, high = page->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (strcmp(page->names[middle], name) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

void page_offer(void *arg, const char *name) {
  struct page *page = arg;
  if (!is_wanted(page, name))
    return;
  size_t at = place_of_name(page, name);
  if (at < page->count && strcmp(page->names[at], name) == 0)
    return; /* it went, and came again */
  if (page->count == page->limit)
    page->more = true;
  if (at == page->limit)
    return;
  memmove(page->names + at + 1, page->names + at,
          (page->count - at) * sizeof *page->names);
  page->names[at] = mem_strdup(name);
  if (page->count == page->limit)
    mem_free(page->names[page->limit]);
  else
    page->count++;
}
