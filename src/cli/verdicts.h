/* SPDX-License-Identifier: MIT
 * What a change of the declarations means for clients that are out there, as
 * lua/perigee/compare.lua finds it. */
#ifndef CLI_VERDICTS_H
#define CLI_VERDICTS_H

#include <jansson.h>
#include <stdbool.h>

/* Prints the members `breaking` and `compatible` of the object, a line for each
 * change. Returns CLI_BREAKING if something breaks clients, unless that is
 * allowed; else CLI_OK. */
int verdicts_print(const json_t *found, bool allow_breaking);

/* Of what is live already: prints what breaks clients, and a warning. */
void verdicts_warn(const json_t *found);

#endif
