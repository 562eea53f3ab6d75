/* SPDX-License-Identifier: MIT
 * What a process has used: CPU time and memory, of the server that is
 * measured and of the generator itself. */
#ifndef LOAD_PROCESS_H
#define LOAD_PROCESS_H

#include "base/attr.h"

#include <stdint.h>
#include <sys/types.h>

/* The CPU time of all its threads, in nanoseconds. 0 or ERR_NOT_FOUND. */
MUST_CHECK int process_cpu(pid_t pid, uint64_t *ns);

/* Its resident memory in bytes. 0 or ERR_NOT_FOUND. */
MUST_CHECK int process_memory(pid_t pid, uint64_t *bytes);

/* The CPU time of this process, in nanoseconds. */
uint64_t process_own_cpu(void);

/* Lets this process open as many files as it may; returns how many. */
uint64_t process_raise_files(void);

#endif
