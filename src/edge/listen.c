/* SPDX-License-Identifier: MIT
 * Listening and accepting. */
#include "edge/listen.h"

#include "base/err.h"
#include "base/log.h"
#include "config/address.h"
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
  BACKLOG = 4096,      /* the kernel cuts it to net.core.somaxconn */
  ACCEPTS_A_TURN = 64, /* so that a storm leaves time for those who are in */
  UNIX_MODE = 0660,    /* user and group */
  PAUSE_MS = 200,
  TELL_EVERY_MS = 60000,
};

/* --- opening ------------------------------------------------------------ */

static void describe_address(int fd, char out[LISTEN_ADDRESS_BYTES]) {
  struct sockaddr_storage addr = {0};
  socklen_t len = sizeof addr;
  char host[64] = "?", port[16] = "?";
  if (!getsockname(fd, (struct sockaddr *)&addr, &len))
    getnameinfo((struct sockaddr *)&addr, len, host, sizeof host, port,
                sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
  snprintf(out, LISTEN_ADDRESS_BYTES,
           addr.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static int open_one(const struct addrinfo *info, bool shared) {
  const int on = 1;
  int fd =
      socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return -1;
  /* REUSEADDR only forgives connections of an earlier process that linger. */
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (shared)
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (!bind(fd, info->ai_addr, info->ai_addrlen) && !listen(fd, BACKLOG))
    return fd;
  int saved = errno;
  close(fd);
  errno = saved;
  return -1;
}

static int fail_listen(struct buf *error, const char *option,
                       const char *address, const char *why) {
  buf_printf(error, "%s %s: %s", option, address, why);
  return ERR_SYSTEM;
}

static int fail_in_use(struct buf *error, const char *option,
                       const char *address) {
  buf_printf(error,
             "%s %s: the address is in use by another program; stop it, or "
             "choose another one with --%s=host:port",
             option, address, option);
  return ERR_SYSTEM;
}

static int open_address(const char *option, const char *address, bool shared,
                        char bound[LISTEN_ADDRESS_BYTES], struct buf *error) {
  char host[256], service[16];
  int port, fd;
  struct addrinfo *found;
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                           .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
  if (address_split(address, host, sizeof host, &port))
    return fail_listen(error, option, address,
                       "not an address: write host:port");
  snprintf(service, sizeof service, "%d", port);
  int err = getaddrinfo(*host ? host : NULL, service, &hints, &found);
  if (err)
    return fail_listen(error, option, address, gai_strerror(err));
  fd = open_one(found, shared);
  freeaddrinfo(found);
  if (fd < 0 && errno == EADDRINUSE)
    return fail_in_use(error, option, address);
  if (fd < 0)
    return fail_listen(error, option, address, strerror(errno));
  describe_address(fd, bound);
  return fd;
}

/* --- Unix sockets -------------------------------------------------------- */

/* What stands at the path: 0 if nothing does, or nothing that is used. Whoever
 * listens there may accept nobody for long (EAGAIN): it is not waited for. */
static int make_way(const char *path, const struct sockaddr_un *addr) {
  struct stat info;
  if (lstat(path, &info))
    return errno == ENOENT ? 0 : errno;
  if (!S_ISSOCK(info.st_mode))
    return EEXIST;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return errno;
  int failed =
      connect(fd, (const struct sockaddr *)addr, sizeof *addr) ? errno : 0;
  close(fd);
  if (failed != ECONNREFUSED)
    return failed && failed != EAGAIN ? failed : EADDRINUSE;
  return unlink(path) ? errno : 0;
}

static int bind_path(int fd, const char *path, const struct sockaddr_un *addr) {
  if (bind(fd, (const struct sockaddr *)addr, sizeof *addr) ||
      chmod(path, UNIX_MODE) || listen(fd, BACKLOG))
    return errno;
  return 0;
}

static int open_path(const char *option, const char *path,
                     char bound[LISTEN_ADDRESS_BYTES], struct buf *error) {
  struct sockaddr_un addr = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof addr.sun_path)
    return fail_listen(error, option, path, "the path is too long");
  strcpy(addr.sun_path, path);
  int why = make_way(path, &addr);
  if (why == EADDRINUSE)
    return fail_in_use(error, option, path);
  if (why == EEXIST)
    return fail_listen(error, option, path, "it is there, and no socket");
  if (why)
    return fail_listen(error, option, path, strerror(why));
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return fail_listen(error, option, path, strerror(errno));
  why = bind_path(fd, path, &addr);
  if (why) {
    close(fd);
    return fail_listen(error, option, path, strerror(why));
  }
  snprintf(bound, LISTEN_ADDRESS_BYTES, "unix:%s", path);
  return fd;
}

void listen_remove(const char *bound) {
  const char *path = address_unix_path(bound);
  if (path)
    unlink(path);
}

/* --- all of them -------------------------------------------------------- */

int listen_open(const char *option, const char *address,
                char bound[LISTEN_ADDRESS_BYTES], struct buf *error) {
  const char *path = address_unix_path(address);
  return path ? open_path(option, path, bound, error)
              : open_address(option, address, false, bound, error);
}

/* Each waits for it, and one gets what comes. */
static int share_listener(int fd, const char *option, int *fds, int count,
                          struct buf *error) {
  fds[0] = fd;
  for (int i = 1; i < count; i++) {
    fds[i] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (fds[i] >= 0)
      continue;
    int why = errno;
    while (i-- > 0) {
      close(fds[i]);
      fds[i] = -1;
    }
    return fail_listen(error, option, "unix:", strerror(why));
  }
  return 0;
}

int listen_open_all(const char *option, const char *address, int *fds,
                    int count, char bound[LISTEN_ADDRESS_BYTES],
                    struct buf *error) {
  char again[LISTEN_ADDRESS_BYTES];
  for (int i = 0; i < count; i++)
    fds[i] = -1;
  int alone = listen_open(option, address, bound, error);
  if (alone < 0)
    return alone;
  if (count == 1 || address_unix_path(bound))
    return share_listener(alone, option, fds, count, error);
  close(alone);
  for (int i = 0; i < count; i++) {
    // NOLINTNEXTLINE(readability-suspicious-call-argument): bound at `bound`
    fds[i] = open_address(option, bound, true, again, error);
    if (fds[i] >= 0)
      continue;
    while (i-- > 0) {
      close(fds[i]);
      fds[i] = -1;
    }
    return ERR_SYSTEM;
  }
  return 0;
}

/* --- accepting ---------------------------------------------------------- */

static void on_acceptable(uv_poll_t *poll, int status, int events);

static void resume_accepting(uv_timer_t *timer) {
  struct listener *listener = container_of(timer, struct listener, pause);
  uv_poll_start(&listener->poll, UV_READABLE, on_acceptable);
}

/* Without descriptors accept would fail again at once, and spin. */
static void pause_accepting(struct listener *listener) {
  uint64_t now = uv_now(listener->pause.loop);
  if (!listener->told_ms || now - listener->told_ms >= TELL_EVERY_MS) {
    log_warn("accept: %s; pausing for %d ms at a time (raise `ulimit -n`)",
             strerror(errno), PAUSE_MS);
    listener->told_ms = now;
  }
  listener->stats->accept_paused++;
  uv_poll_stop(&listener->poll);
  uv_timer_start(&listener->pause, resume_accepting, PAUSE_MS, 0);
}

static void on_acceptable(uv_poll_t *poll, int status, int events) {
  struct listener *listener = container_of(poll, struct listener, poll);
  const int on = 1;
  (void)status;
  (void)events;
  for (int i = 0; i < ACCEPTS_A_TURN; i++) {
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
          errno == ENOMEM)
        pause_accepting(listener);
      return; /* nobody left, or that one has gone again */
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    listener->accepted(listener->arg, fd);
  }
}

void listen_start(struct listener *listener, uv_loop_t *loop, int fd,
                  struct stats *stats, listen_fn *accepted, void *arg) {
  *listener = (struct listener){
      .fd = fd, .accepted = accepted, .arg = arg, .stats = stats};
  uv_timer_init(loop, &listener->pause);
  uv_poll_init(loop, &listener->poll, fd);
  uv_poll_start(&listener->poll, UV_READABLE, on_acceptable);
}

static void on_poll_closed(uv_handle_t *handle) {
  close(container_of(handle, struct listener, poll)->fd);
}

void listen_stop(struct listener *listener) {
  if (uv_is_closing((uv_handle_t *)&listener->poll))
    return;
  uv_close((uv_handle_t *)&listener->poll, on_poll_closed);
  uv_close((uv_handle_t *)&listener->pause, NULL);
}
