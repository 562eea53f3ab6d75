/* SPDX-License-Identifier: MIT
 * Sends on many sockets with one system call, by io_uring.
 *
 * A message to a room is a `send` for each member; entering and leaving the
 * kernel for each costs more than a fifth of it. Here the sends are put into a
 * ring that the kernel shares, and one call does them all. It is only that:
 * sockets are still waited for and read by net/poller, as that is no dearer.
 *
 * The sockets must not block. So each send is done, or refused, when
 * ring_submit returns: the kernel keeps no request, and no memory of ours.
 *
 * The ring is of one thread, which also makes it: that is what
 * IORING_SETUP_SINGLE_ISSUER (Linux 6.0) means. Containers often forbid it
 * (Docker's usual seccomp profile answers EPERM), and some machines turn it off
 * (kernel.io_uring_disabled). */
#ifndef NET_RING_H
#define NET_RING_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Sends that one submission takes: about a millisecond of work. Of 64 each, the
 * sends of a large room took a sixth more. */
enum { RING_SENDS = 256 };

/* The choices of net.io. */
enum net_io { NET_AUTO, NET_EPOLL, NET_URING };

struct ring;

/* Whether there is one to be had; if not, errno has the reason. */
bool ring_is_possible(void);

/* NULL, with the reason in errno, where there is none to be had. */
struct ring *ring_new(void);

/* Accepts NULL. Nothing may be prepared. */
void ring_free(struct ring *ring);

/* Prepares the next send. There are at most RING_SENDS; `data` stays as it is
 * until they are submitted. */
void ring_prepare(struct ring *ring, int fd, const void *data, size_t len);

/* Sends what is prepared. `results` has a place for each, in the same order: as
 * send(2) returns them, but the error as its negative number. False if the
 * kernel did not do them all, as it has no memory. Those have -EAGAIN; the ring
 * is of no use any more. */
MUST_CHECK bool ring_submit(struct ring *ring, ssize_t *results);

#endif
