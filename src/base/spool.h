/* SPDX-License-Identifier: MIT
 * Lines on their way to a descriptor that may take its time.
 *
 * Whoever reads the log may stop: a collector that hangs, a pager, Ctrl-S in
 * the terminal. A thread that serves must not wait for that. So lines go to a
 * ring of fixed size, and a thread of its own writes them, in order. What does
 * not fit is counted, and the count is the next line.
 *
 * Before spool_start and after spool_stop, as in the commands that print a few
 * lines and exit, lines are written by who puts them, at once. */
#ifndef BASE_SPOOL_H
#define BASE_SPOOL_H

#include <stddef.h>
#include <stdint.h>

enum {
  SPOOL_BYTES = 1024 * 1024, /* of the ring: some 8,000 lines */
  SPOOL_NOTE_BYTES = 256,
};

/* Writes the line that tells how many were lost; returns its length. Called
 * under the spool's lock: it must not put anything. */
typedef size_t spool_note_fn(char out[SPOOL_NOTE_BYTES], uint64_t lost);

/* Starts the thread that writes to `fd`. Without a thread, lines are written
 * at once as before. */
void spool_start(int fd, spool_note_fn *note);

/* Puts a whole line, of up to SPOOL_BYTES / 2; `fd` is where it goes when the
 * thread is not there. By any thread. */
void spool_put(int fd, const char *line, size_t len);

/* Lines that did not fit, since the start of the process. */
uint64_t spool_lost(void);

/* Waits until all that was put is written, but not longer than that: before
 * the process aborts. */
void spool_flush(unsigned ms);

/* The same, and ends the thread. If it is stuck in a write it is left to the
 * end of the process, and what is put from then on is lost. */
void spool_stop(unsigned ms);

#endif
