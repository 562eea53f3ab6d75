/* SPDX-License-Identifier: MIT
 * A server of our own to measure. */
#include "load/local.h"

#include "base/embedded.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
  PATIENCE_MS = 15000, /* for its start, and for its end */
  POLL_MS = 5,
  LOG_TAIL = 4096,
  PATH_BYTES = LOCAL_DIR_BYTES + 16
};

static const char handlers[] = "bench.lua", log_name[] = "log";

static void path_of(const struct local *local, const char *name,
                    char path[PATH_BYTES]) {
  snprintf(path, PATH_BYTES, "%s/%s", local->dir, name);
}

static int failed(struct buf *error, const char *what) {
  buf_printf(error, "%s: %s", what, strerror(errno));
  return ERR_SYSTEM;
}

static int write_handlers(const struct local *local, struct buf *error) {
  const struct embedded *file = embedded_find(handlers);
  char path[PATH_BYTES];
  path_of(local, handlers, path);
  FILE *out = fopen(path, "we");
  if (!out)
    return failed(error, path);
  bool ok = fwrite(file->data, file->len, 1, out) == 1;
  ok = fclose(out) == 0 && ok;
  return ok ? 0 : failed(error, path);
}

/* --- the child ---------------------------------------------------------- */

/* The environment without options: flags are all it shall know, but for the
 * secret, which everybody could read in the process list. */
static void set_environment(const char *secret) {
  char name[64];
  for (char **env = environ; *env;) {
    size_t len = strcspn(*env, "=");
    if (strncmp(*env, "PERIGEE_", 8) == 0 && len < sizeof name) {
      memcpy(name, *env, len);
      name[len] = '\0';
      unsetenv(name);
    } else {
      env++;
    }
  }
  setenv("PERIGEE_AUTH_SECRET", secret, 1);
}

static char *const server_words[] = {
    "perigee",
    "dev",
    NULL, /* the folder */
    "--config=/dev/null",
    "--listen=127.0.0.1:0",
    "--no-watch",
    "--log.level=warn",
    "--limits.messages_per_s=0",
    "--limits.bytes_per_s=0",
    "--limits.per_ip=0",
    "--limits.per_user=0",
    "--limits.message_bytes=16MiB",
    "--limits.queue_bytes=1GiB",
    "--limits.queues_mb=0",
    "--limits.handshakes_per_s=0",
};

static void serve_handlers(const struct local *local, const char *secret,
                           int argc, char **flags, pid_t parent) {
  char *argv[ARRAY_SIZE(server_words) + LOCAL_FLAGS_MAX + 1] = {NULL};
  char path[PATH_BYTES];
  path_of(local, log_name, path);
  int log = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  int null = open("/dev/null", O_RDWR);
  dup2(null, 0);
  dup2(null, 1);
  dup2(log, 2);
  setpgid(0, 0); /* Ctrl-C is for the generator, which then ends us */
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent)
    _exit(1);
  memcpy(argv, server_words, sizeof server_words);
  argv[2] = (char *)local->dir;
  memcpy(argv + ARRAY_SIZE(server_words), flags, (size_t)argc * sizeof *flags);
  set_environment(secret);
  execv("/proc/self/exe", argv);
  perror("/proc/self/exe");
  _exit(1);
}

int local_free_port(void) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), port = -1;
  if (fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 &&
      getsockname(fd, (struct sockaddr *)&address, &len) == 0)
    port = ntohs(address.sin_port);
  if (fd >= 0)
    close(fd);
  return port;
}

/* --- the parent --------------------------------------------------------- */

static void pause_ms(long ms) {
  nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

/* Takes the address out of "ready on http://ADDRESS "; false: not there yet. */
static bool find_address(struct local *local, const struct buf *log) {
  static const char ready[] = "ready on http";
  const char *at =
      log->len ? memmem(log->data, log->len, ready, sizeof ready - 1) : NULL;
  if (!at)
    return false;
  at += sizeof ready - 1;
  bool tls = *at == 's';
  at += strlen(tls ? "s://" : "://");
  size_t left = (size_t)(log->data + log->len - at);
  const char *end = memchr(at, ' ', left);
  if (!end)
    return false;
  snprintf(local->url, sizeof local->url, "%s://%.*s/ws", tls ? "wss" : "ws",
           (int)(end - at), at);
  return true;
}

static int wait_ready(struct local *local, struct buf *error) {
  char path[PATH_BYTES];
  struct buf log = {0}, ignored = {0};
  int err = ERR_SYSTEM;
  path_of(local, log_name, path);
  for (int ms = 0; err && ms < PATIENCE_MS; ms += POLL_MS) {
    bool ended = waitpid(local->pid, NULL, WNOHANG) == local->pid;
    log.len = ignored.len = 0;
    if (file_read(path, &log, &ignored) == 0 && find_address(local, &log))
      err = 0;
    if (ended) {
      local->pid = 0;
      break;
    }
    pause_ms(POLL_MS);
  }
  if (!local->pid || err) {
    buf_puts(error, "the server did not start");
    err = ERR_SYSTEM;
  }
  buf_free(&log);
  buf_free(&ignored);
  return err;
}

int local_start(struct local *local, const char *secret, int argc, char **flags,
                struct buf *error) {
  const char *tmp = getenv("TMPDIR");
  pid_t self = getpid();
  *local = (struct local){0};
  if (argc > LOCAL_FLAGS_MAX) {
    buf_puts(error, "too many options");
    return ERR_SYSTEM;
  }
  int n = snprintf(local->dir, sizeof local->dir, "%s/perigee-bench-XXXXXX",
                   tmp && tmp[0] ? tmp : "/tmp");
  if (n >= (int)sizeof local->dir || !mkdtemp(local->dir)) {
    failed(error, local->dir);
    local->dir[0] = '\0';
    return ERR_SYSTEM;
  }
  if (write_handlers(local, error) < 0)
    return ERR_SYSTEM;
  local->pid = fork();
  if (local->pid == 0)
    serve_handlers(local, secret, argc, flags, self);
  if (local->pid < 0) {
    local->pid = 0;
    return failed(error, "fork");
  }
  return wait_ready(local, error);
}

void local_log(const struct local *local, struct buf *out) {
  struct buf log = {0}, ignored = {0};
  char path[PATH_BYTES];
  path_of(local, log_name, path);
  if (local->dir[0] && file_read(path, &log, &ignored) == 0 && log.len > 0) {
    const char *at = log.data, *end = log.data + log.len;
    if (log.len > LOG_TAIL)
      at = end - LOG_TAIL;
    while (at < end) {
      const char *line_end = memchr(at, '\n', (size_t)(end - at));
      size_t len = (size_t)((line_end ? line_end + 1 : end) - at);
      if (!memmem(at, len, " ready on ", 10))
        buf_put(out, at, len);
      at += len;
    }
  }
  buf_free(&log);
  buf_free(&ignored);
}

static void remove_file(const struct local *local, const char *name) {
  char path[PATH_BYTES];
  path_of(local, name, path);
  unlink(path);
}

void local_stop(struct local *local) {
  if (local->pid > 0) {
    bool ended = false;
    kill(local->pid, SIGTERM);
    for (int ms = 0; !ended && ms < PATIENCE_MS; ms += POLL_MS) {
      ended = waitpid(local->pid, NULL, WNOHANG) != 0;
      if (!ended)
        pause_ms(POLL_MS);
    }
    if (!ended) {
      kill(local->pid, SIGKILL);
      waitpid(local->pid, NULL, 0);
    }
  }
  if (local->dir[0]) {
    remove_file(local, handlers);
    remove_file(local, log_name);
    rmdir(local->dir);
  }
  *local = (struct local){0};
}
