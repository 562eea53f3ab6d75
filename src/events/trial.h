/* SPDX-License-Identifier: MIT
 * Whether events.url answers, and takes our signature: one request without an
 * event, `{"events":[]}`, and its answer is waited for. For `perigee check`. */
#ifndef EVENTS_TRIAL_H
#define EVENTS_TRIAL_H

#include "base/attr.h"
#include "base/buf.h"
#include "config/config.h"

/* Returns 0 when it answers 2xx; else ERR_UNAVAILABLE, with a line that names
 * the option in `error`. */
MUST_CHECK int trial_post(const struct config *config, struct buf *error);

#endif
