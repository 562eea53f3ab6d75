/* SPDX-License-Identifier: MIT
 * Looks at what a server needs from its machine. */
#include "server/inspect.h"

#include "base/err.h"
#include "base/mem.h"
#include "config/address.h"
#include "edge/proxy.h"
#include "edge/tls.h"
#include "net/ring.h"

#include <dirent.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- addresses ---------------------------------------------------------- */

static void add_reason(struct buf *errors, enum option_index at,
                       const char *value, const char *why) {
  buf_printf(errors, "%s: %s: %s\n", option_table[at].key, value, why);
}

/* Whether a socket could be bound there, at any port. */
static bool is_here(const struct addrinfo *info) {
  int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool here = fd >= 0 && bind(fd, info->ai_addr, info->ai_addrlen) == 0;
  if (fd >= 0) {
    int saved = errno;
    close(fd);
    errno = saved;
  }
  return here;
}

/* The folder of a Unix socket must take a new file. */
static void check_socket(enum option_index at, const char *path,
                         struct buf *errors) {
  char *folder = mem_strndup(path, (size_t)(strrchr(path, '/') - path + 1));
  if (access(folder, W_OK | X_OK) < 0)
    add_reason(errors, at, path, strerror(errno));
  mem_free(folder);
}

static void check_can_listen(enum option_index at, const char *address,
                             struct buf *errors) {
  char host[256];
  int port;
  struct addrinfo *found;
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
  const char *path = address_unix_path(address);
  if (path)
    check_socket(at, path, errors);
  if (path || address_split(address, host, sizeof host, &port) < 0)
    return;
  int err = getaddrinfo(*host ? host : NULL, "0", &hints, &found);
  if (err) {
    add_reason(errors, at, address, gai_strerror(err));
    return;
  }
  if (!is_here(found))
    add_reason(errors, at, address, strerror(errno));
  freeaddrinfo(found);
}

static bool is_every_host(const char *host) {
  return !*host || !strcmp(host, "0.0.0.0") || !strcmp(host, "::");
}

static bool is_same_address(const char *a, const char *b) {
  char host_a[256], host_b[256];
  int port_a, port_b;
  const char *path_a = address_unix_path(a), *path_b = address_unix_path(b);
  if (path_a || path_b)
    return path_a && path_b && strcmp(path_a, path_b) == 0;
  if (address_split(a, host_a, sizeof host_a, &port_a) < 0 ||
      address_split(b, host_b, sizeof host_b, &port_b) < 0)
    return false; /* which check_config tells */
  return port_a == port_b && port_a != 0 &&
         (!strcmp(host_a, host_b) || is_every_host(host_a) ||
          is_every_host(host_b));
}

static void check_addresses(const struct config *config, struct buf *errors) {
  const char *listen = config->listen, *admin = config->admin_listen;
  check_can_listen(OPTION_AT_listen, listen, errors);
  if (!*admin)
    return;
  check_can_listen(OPTION_AT_admin_listen, admin, errors);
  if (is_same_address(listen, admin))
    buf_printf(errors,
               "listen, admin.listen: %s and %s are the same address: the "
               "second one needs another port, or none (empty)\n",
               listen, admin);
}

/* --- files -------------------------------------------------------------- */

static void check_folder(enum option_index at, const char *path,
                         struct buf *errors) {
  DIR *dir = opendir(path);
  if (!dir || access(path, X_OK) < 0)
    add_reason(errors, at, path, strerror(errno));
  if (dir)
    closedir(dir);
}

static void check_file(enum option_index at, const char *path,
                       struct buf *errors) {
  if (access(path, R_OK) < 0)
    add_reason(errors, at, path, strerror(errno));
}

/* --- all of it ---------------------------------------------------------- */

static void end_line(struct buf *errors, size_t before) {
  if (errors->len > before && errors->data[errors->len - 1] != '\n')
    buf_putc(errors, '\n');
}

static void check_proxies(const struct config *config, struct buf *errors) {
  struct proxies proxies = {0};
  size_t before = errors->len;
  if (proxy_parse(&proxies, config->proxy_trusted, errors))
    end_line(errors, before);
  proxy_free(&proxies);
}

static void check_certificate(const struct config *config, struct buf *errors) {
  size_t before = errors->len;
  SSL_CTX *tls = tls_new(config->tls_cert, config->tls_key, errors);
  if (!tls)
    end_line(errors, before);
  SSL_CTX_free(tls);
}

static void check_io(const struct config *config, struct buf *errors) {
  if (config->net_io == NET_URING && !ring_is_possible())
    buf_printf(errors,
               "net.io: uring: the kernel does not give it (%s): a container "
               "may forbid it; `auto` uses it where it is to be had\n",
               strerror(errno));
}

int inspect(const struct config *config, struct buf *errors) {
  size_t before = errors->len;
  check_io(config, errors);
  check_addresses(config, errors);
  check_proxies(config, errors);
  if (*config->tls_cert && *config->tls_key)
    check_certificate(config, errors);
  if (*config->public)
    check_folder(OPTION_AT_public, config->public, errors);
  if (*config->fetch_ca_file)
    check_file(OPTION_AT_fetch_ca_file, config->fetch_ca_file, errors);
  return errors->len == before ? 0 : ERR_CONFIG;
}
