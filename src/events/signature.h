/* SPDX-License-Identifier: MIT
 * The signature of what is sent to the backend. */
#ifndef EVENTS_SIGNATURE_H
#define EVENTS_SIGNATURE_H

#include "base/buf.h"

#include <stdint.h>

/* Appends `t=SECONDS,v1=HEX`: HMAC-SHA256 of `SECONDS.BODY`. */
void signature_put(const char *secret, int64_t now_s, const char *body,
                   size_t len, struct buf *out);

#endif
