/* SPDX-License-Identifier: MIT
 * Whether the options that are for several machines can be used. */
#ifndef CONFIG_CHECK_MACHINES_H
#define CONFIG_CHECK_MACHINES_H

#include "base/buf.h"
#include "config/config.h"

/* Appends a line to `errors` for each mistake. */
void check_machines(const struct config *cfg, struct buf *errors);

#endif
