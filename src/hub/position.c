/* SPDX-License-Identifier: MIT
 * Positions as JSON. */
#include "hub/position.h"

void position_put(struct buf *out, const struct engine *engine,
                  struct engine_position at,
                  enum position_recovered recovered) {
  char epoch[ENGINE_EPOCH_BYTES];
  engine_epoch(engine, at.era, epoch);
  buf_printf(out, "\"epoch\":\"%s\",\"seq\":%llu", epoch,
             (unsigned long long)at.seq);
  if (recovered != POSITION_PLAIN)
    buf_puts(out, recovered == POSITION_RECOVERED ? ",\"recovered\":true"
                                                  : ",\"recovered\":false");
}
