/* SPDX-License-Identifier: MIT
 * In development, a file with the types of what the scripts declare: an editor
 * that has it open sees what a saved script has changed. */
#ifndef SERVER_TYPES_H
#define SERVER_TYPES_H

#include "config/config.h"
#include "server/manifest.h"

/* Writes dev.types, if it is set and the types have changed. The log says so,
 * and what went wrong: that is no reason not to serve. */
void types_write(const struct config *config, const struct manifest *manifest);

#endif
