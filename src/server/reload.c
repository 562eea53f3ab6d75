/* SPDX-License-Identifier: MIT
 * Building generations. */
#include "server/reload.h"

struct generation *reload_build(struct host *host, const char *dir,
                                unsigned number, struct buf *error) {
  struct bundle *bundle = bundle_read(dir, error);
  if (!bundle)
    return NULL;
  struct generation *generation = generation_new(host, bundle, number, error);
  bundle_unref(bundle);
  return generation;
}
