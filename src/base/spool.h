/* SPDX-License-Identifier: MIT
 * Lines on their way to a descriptor that may take its time.
 *
 * Whoever reads the log may stop reading: a collector that hangs, a pager,
 * Ctrl-S in the terminal. A thread that serves must not wait for that. So lines
 * go into a ring of fixed size, and a thread of its own writes them, in order.
 * Lines that do not fit are counted, and the count is the next line.
 *
 * Before spool_start and after spool_stop there is no such thread: whoever puts
 * a line writes it at once. So it is in commands that print a few lines and
 * exit. */
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

/* Starts the thread, which writes to `fd`. When it cannot be started, lines are
 * written at once, as before. */
void spool_start(int fd, spool_note_fn *note);

/* Puts a whole line of up to SPOOL_BYTES / 2 bytes. When there is no thread it
 * goes to `fd`. By any thread. */
void spool_put(int fd, const char *line, size_t len);

/* Lines that did not fit, since the start of the process. */
uint64_t spool_lost(void);

/* Bytes that were put, and are not written yet. */
size_t spool_waiting(void);

/* Waits until all that was put is written, for `ms` at most. For a process that
 * is about to abort. */
void spool_flush(unsigned ms);

/* Waits in the same way, and ends the thread. A thread that is stuck in a write
 * is left alone until the process ends; what is put from then on is lost. */
void spool_stop(unsigned ms);

#endif
