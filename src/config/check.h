/* SPDX-License-Identifier: MIT
 * Whether a server may start with a configuration. */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "config/config.h"

/* Looks at what depends on more than one option, and at texts that have a form.
 * Development mode takes a few things that production refuses. Returns 0, or
 * ERR_CONFIG with a line for each reason in `errors`. */
MUST_CHECK int check_config(const struct config *cfg, enum config_mode mode,
                            struct buf *errors);

#endif
