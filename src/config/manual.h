/* SPDX-License-Identifier: MIT
 * The option table for people: help, the page of the manual, values. */
#ifndef CONFIG_MANUAL_H
#define CONFIG_MANUAL_H

#include "base/buf.h"
#include "config/config.h"

/* Appends the options as `--help` shows them. */
void manual_help(struct buf *out);

/* Appends docs/configuration.md. */
void manual_markdown(struct buf *out);

/* Appends the value of each option and where it came from, in columns. */
void manual_values(const struct config *cfg, struct buf *out);

#endif
