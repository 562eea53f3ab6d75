/* SPDX-License-Identifier: MIT
 * The compiler attributes and small macros that every file may use. */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#include <stddef.h>

/* The result says whether it worked: ignoring it is a bug. */
#define MUST_CHECK __attribute__((warn_unused_result))

/* fmt is the index of the format string, args that of its first argument. */
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Off the usual path, which is shorter without it. */
#define NOINLINE __attribute__((noinline))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The struct that contains `member` at address `ptr`. */
#define container_of(ptr, type, member)                                        \
  ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
