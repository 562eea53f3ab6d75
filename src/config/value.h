/* SPDX-License-Identifier: MIT
 * Option values as text: reading, writing, ranges. */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "base/attr.h"
#include "base/buf.h"
#include "config/option.h"

/* Reads `text` into the option's field, replacing what is there. Returns 0;
 * or ERR_CONFIG, the field unchanged, with what is wrong appended to `why`
 * ("must be a number from 1 to 5"). */
MUST_CHECK int value_set(struct config *cfg, const struct option *option,
                         const char *text, struct buf *why);

/* Appends the value as a user would write it; a secret as "(set, 64 bytes)". */
void value_print(const struct config *cfg, const struct option *option,
                 struct buf *out);

/* Appends what the option accepts: "1KiB to 16MiB", "debug, info or warn";
 * nothing where every text is fine. */
void value_print_range(const struct option *option, struct buf *out);

/* Whether both have the same value. */
bool value_equal(const struct config *a, const struct config *b,
                 const struct option *option);

/* Gives the option of `to` the value that it has in `from`. */
void value_copy(struct config *to, const struct config *from,
                const struct option *option);

/* Frees and zeroes the field; a secret is wiped. */
void value_clear(struct config *cfg, const struct option *option);

/* Reads "0.2", "500ms", "10s", "15m", "1h" or "7d" as seconds, not negative.
 * Returns 0 or ERR_CONFIG. */
MUST_CHECK int value_seconds(const char *text, double *seconds);

/* The index of `text` in "a|b|c", or -1. */
int value_choice(const char *choices, const char *text);

#endif
