/* SPDX-License-Identifier: MIT
 * liburing. */
#include "net/ring.h"

#include "base/mem.h"

#include <errno.h>
#include <liburing.h>
#include <sys/socket.h>

struct ring {
  struct io_uring uring;
  unsigned prepared;
};

struct ring *ring_new(void) {
  struct ring *ring = mem_alloc(sizeof *ring);
  int err = io_uring_queue_init(
      RING_SENDS, &ring->uring,
      IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |
          IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN);
  if (err) {
    mem_free(ring);
    errno = -err;
    return NULL;
  }
  /* Saves looking the ring up among the descriptors. Not needed. */
  (void)io_uring_register_ring_fd(&ring->uring);
  return ring;
}

bool ring_is_possible(void) {
  struct ring *ring = ring_new();
  ring_free(ring);
  return ring != NULL;
}

void ring_free(struct ring *ring) {
  if (!ring)
    return;
  io_uring_queue_exit(&ring->uring);
  mem_free(ring);
}

void ring_prepare(struct ring *ring, int fd, const void *data, size_t len) {
  struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);
  io_uring_prep_send(sqe, fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
  io_uring_sqe_set_data64(sqe, ring->prepared++);
}

/* Those for which there is a result. */
static unsigned take_results(struct ring *ring, ssize_t *results) {
  struct io_uring_cqe *cqe = NULL;
  unsigned head = 0, count = 0;
  io_uring_for_each_cqe(&ring->uring, head, cqe) {
    results[cqe->user_data] = cqe->res;
    count++;
  }
  io_uring_cq_advance(&ring->uring, count);
  return count;
}

bool ring_submit(struct ring *ring, ssize_t *results) {
  unsigned waiting = ring->prepared;
  ring->prepared = 0;
  for (unsigned i = 0; i < waiting; i++)
    results[i] = -EAGAIN;
  while (waiting > 0) {
    int err = io_uring_submit_and_wait(&ring->uring, waiting);
    waiting -= take_results(ring, results);
    if (err < 0 && err != -EINTR)
      break;
  }
  return waiting == 0;
}
