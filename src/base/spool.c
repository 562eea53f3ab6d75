/* SPDX-License-Identifier: MIT
 * A ring of bytes, and the thread that empties it.
 *
 * One lock guards all of it, and whoever serves holds it for one memcpy. The
 * thread takes whole lines out under the lock, and writes them without it: it
 * is the write that may take for ever. Meanwhile those bytes are in no ring, so
 * `writing` tells who waits for the end that they are not out yet.
 *
 * A line goes in whole or not at all. One that has no room is counted. The note
 * about lost lines goes in before the next newer line, and only together with
 * it: so it stands in the log where the gap is, and a ring that stays full
 * does not fill up with notes.
 *
 * The states go one way, but for a new start:
 *
 *   DIRECT   no thread: who puts a line writes it, under the lock
 *   RUNNING  the thread writes
 *   ENDING   no more is waited for: it writes what there is and goes; DIRECT
 *   LEFT     it did not come back from a write in time. It is detached and may
 *            still read the ring, so that is never freed, and nothing is put
 *            any more: lines are only counted. If it comes back after all, it
 *            writes what is left in the ring; DIRECT
 *
 * Nothing here may log: a line of its own would wait for its own lock. That is
 * true of the note as well, which is asked for under the lock, and of
 * allocation by base/mem, which logs when there is none. */
#include "base/spool.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What the thread writes at once: one line of any length fits. */
enum { OUT_BYTES = 16 * 1024 };

enum state { DIRECT, RUNNING, ENDING, LEFT };

/* One for the process: standard error is one. */
static struct {
  pthread_mutex_t lock;
  pthread_cond_t filled;  /* there is something to write, or the end */
  pthread_cond_t written; /* nothing is left to write */
  pthread_t thread;
  enum state state;
  int fd;
  spool_note_fn *note;
  char *ring;         /* SPOOL_BYTES, NULL until spool_start */
  size_t first, used; /* where the oldest byte is; bytes in the ring */
  size_t writing;     /* bytes that were taken out and are not written yet */
  uint64_t untold;    /* lines lost since the last note */
  uint64_t lost;      /* in all */
} spool = {.lock = PTHREAD_MUTEX_INITIALIZER,
           .filled = PTHREAD_COND_INITIALIZER,
           .written = PTHREAD_COND_INITIALIZER,
           .state = DIRECT};

/* --- writing ------------------------------------------------------------ */

/* Other programs may have made the terminal or pipe not block, for all who
 * share it. What cannot be written for another reason is gone: there is
 * nowhere left to say it. */
static void write_to_end(int fd, const char *text, size_t len) {
  while (len > 0) {
    ssize_t n = write(fd, text, len);
    if (n < 0 && errno == EAGAIN)
      poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
    else if (n < 0 && errno != EINTR)
      return;
    if (n > 0) {
      text += n;
      len -= (size_t)n;
    }
  }
}

/* --- the ring, under the lock ------------------------------------------- */

static void copy_in(const char *text, size_t len) {
  size_t at = (spool.first + spool.used) % SPOOL_BYTES;
  size_t front = len < SPOOL_BYTES - at ? len : SPOOL_BYTES - at;
  memcpy(spool.ring + at, text, front);
  memcpy(spool.ring, text + front, len - front);
  spool.used += len;
}

/* Tells what was lost before anything newer, if both fit. */
static bool tell_lost(size_t more) {
  char note[SPOOL_NOTE_BYTES];
  if (spool.untold == 0)
    return true;
  size_t len = spool.note(note, spool.untold);
  if (SPOOL_BYTES - spool.used < len + more)
    return false;
  copy_in(note, len);
  spool.untold = 0;
  return true;
}

static void push_line(const char *line, size_t len) {
  if (!tell_lost(len) || SPOOL_BYTES - spool.used < len) {
    spool.untold++;
    spool.lost++;
    return;
  }
  copy_in(line, len);
  pthread_cond_signal(&spool.filled);
}

/* --- the thread --------------------------------------------------------- */

/* Takes out the oldest lines, as whole ones. */
static size_t take_lines(char out[OUT_BYTES]) {
  size_t len = spool.used < OUT_BYTES ? spool.used : OUT_BYTES;
  size_t back = SPOOL_BYTES - spool.first;
  size_t front = len < back ? len : back;
  memcpy(out, spool.ring + spool.first, front);
  memcpy(out + front, spool.ring, len - front);
  const char *end = memrchr(out, '\n', len);
  if (end)
    len = (size_t)(end + 1 - out);
  spool.first = (spool.first + len) % SPOOL_BYTES;
  spool.used -= len;
  return len;
}

static void write_next(void) {
  char out[OUT_BYTES];
  size_t len = take_lines(out);
  tell_lost(0);
  spool.writing = len;
  pthread_mutex_unlock(&spool.lock);
  write_to_end(spool.fd, out, len);
  pthread_mutex_lock(&spool.lock);
  spool.writing = 0;
}

static void *run_writer(void *unused) {
  pthread_mutex_lock(&spool.lock);
  while (spool.state == RUNNING || spool.used > 0) {
    if (spool.used > 0) {
      write_next();
    } else {
      pthread_cond_broadcast(&spool.written);
      pthread_cond_wait(&spool.filled, &spool.lock);
    }
  }
  spool.state = DIRECT;
  pthread_cond_broadcast(&spool.written);
  pthread_mutex_unlock(&spool.lock);
  return unused;
}

/* Signals are for other threads. */
static int start_thread(void) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int err = pthread_create(&spool.thread, NULL, run_writer, NULL);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return err;
}

/* --- from outside ------------------------------------------------------- */

void spool_start(int fd, spool_note_fn *note) {
  pthread_mutex_lock(&spool.lock);
  spool.ring = malloc(SPOOL_BYTES);
  spool.fd = fd;
  spool.note = note;
  spool.state = RUNNING;
  if (!spool.ring || start_thread()) {
    free(spool.ring);
    spool.ring = NULL;
    spool.state = DIRECT;
  }
  pthread_mutex_unlock(&spool.lock);
}

void spool_put(int fd, const char *line, size_t len) {
  pthread_mutex_lock(&spool.lock);
  if (spool.state == DIRECT)
    write_to_end(fd, line, len);
  else if (spool.state == LEFT)
    spool.lost++;
  else
    push_line(line, len);
  pthread_mutex_unlock(&spool.lock);
}

uint64_t spool_lost(void) {
  pthread_mutex_lock(&spool.lock);
  uint64_t lost = spool.lost;
  pthread_mutex_unlock(&spool.lock);
  return lost;
}

size_t spool_waiting(void) {
  pthread_mutex_lock(&spool.lock);
  size_t waiting = spool.used + spool.writing;
  pthread_mutex_unlock(&spool.lock);
  return waiting;
}

static bool is_behind(void) {
  return spool.used + spool.writing > 0;
}

static void wait_written(unsigned ms) {
  struct timespec end;
  int err = 0;
  clock_gettime(CLOCK_MONOTONIC, &end);
  end.tv_sec += ms / 1000;
  end.tv_nsec += (long)(ms % 1000) * 1000000;
  if (end.tv_nsec >= 1000000000) {
    end.tv_sec++;
    end.tv_nsec -= 1000000000;
  }
  while (is_behind() && !err)
    err = pthread_cond_clockwait(&spool.written, &spool.lock, CLOCK_MONOTONIC,
                                 &end);
}

void spool_flush(unsigned ms) {
  pthread_mutex_lock(&spool.lock);
  wait_written(ms);
  pthread_mutex_unlock(&spool.lock);
}

void spool_stop(unsigned ms) {
  pthread_mutex_lock(&spool.lock);
  bool running = spool.state == RUNNING;
  if (running) {
    spool.state = ENDING;
    pthread_cond_signal(&spool.filled);
    wait_written(ms);
  }
  bool stuck = is_behind();
  if (stuck)
    spool.state = LEFT;
  pthread_mutex_unlock(&spool.lock);
  if (!running)
    return;
  if (stuck) {
    pthread_detach(spool.thread);
    return;
  }
  pthread_join(spool.thread, NULL);
  free(spool.ring);
  spool.ring = NULL;
}
