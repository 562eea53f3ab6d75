/* SPDX-License-Identifier: MIT
 * The effective configuration of the process.
 *
 * One table, options.def, has every option: key, type, default, range and
 * help. From it come this struct, the loader, --help, `perigee config` and
 * docs/configuration.md. Sources, later wins: defaults, the file
 * perigee.cfg.lua, PERIGEE_* variables, flags. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#endif
