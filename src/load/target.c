/* SPDX-License-Identifier: MIT
 * Where the clients of the generator connect to. */
#include "load/target.h"

#include "base/err.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

enum { POLL_MS = 10 };

static bool listens(const struct addrinfo *address) {
  int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool ok = fd >= 0 && connect(fd, address->ai_addr, address->ai_addrlen) == 0;
  if (fd >= 0)
    close(fd);
  return ok;
}

static const struct addrinfo *choose_address(const struct addrinfo *found,
                                             double wait_s) {
  uint64_t end = uv_hrtime() + (uint64_t)(wait_s * 1e9);
  if (!found->ai_next && wait_s <= 0)
    return found;
  for (;;) {
    for (const struct addrinfo *it = found; it; it = it->ai_next)
      if (listens(it))
        return it;
    if (uv_hrtime() >= end)
      return found;
    uv_sleep(POLL_MS);
  }
}

int target_resolve(const struct target *target,
                   struct sockaddr_storage *address, struct buf *error) {
  const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
  struct addrinfo *found = NULL;
  char service[16];
  snprintf(service, sizeof service, "%d", target->port);
  int err = getaddrinfo(target->host, service, &hints, &found);
  if (err) {
    buf_printf(error, "%s: %s", target->host, gai_strerror(err));
    return ERR_SYSTEM;
  }
  const struct addrinfo *best = choose_address(found, target->wait_s);
  memcpy(address, best->ai_addr, best->ai_addrlen);
  freeaddrinfo(found);
  return 0;
}
