/* SPDX-License-Identifier: MIT
 * Figures as people read them. */
#ifndef LOAD_TEXT_H
#define LOAD_TEXT_H

#include <stdint.h>

enum { TEXT_BYTES = 32 };

/* "18.3 us", "1.52 ms", "2.10 s". Returns `out`. */
char *text_time(char out[TEXT_BYTES], double ns);

/* "412", "61,234". Returns `out`. */
char *text_count(char out[TEXT_BYTES], uint64_t count);

#endif
