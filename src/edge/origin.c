/* SPDX-License-Identifier: MIT
 * Allowed origins. */
#include "edge/origin.h"

#include "config/address.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A pattern has one star at most: https://STAR.example.org. */
static bool matches(const char *pattern, const char *origin) {
  const char *star = strchr(pattern, '*');
  if (!star)
    return strcasecmp(pattern, origin) == 0;
  size_t head = (size_t)(star - pattern), tail = strlen(star + 1);
  size_t len = strlen(origin);
  return len > head + tail && strncasecmp(pattern, origin, head) == 0 &&
         strcasecmp(star + 1, origin + len - tail) == 0;
}

static bool is_own_host(const char *origin, const char *host) {
  const char *name = strstr(origin, "://");
  return name && *host && strcasecmp(name + 3, host) == 0;
}

bool origin_allowed(char *const *list, const char *origin, const char *host) {
  if (!*origin)
    return true;
  if (!*list)
    return is_own_host(origin, host);
  for (; *list; list++)
    if (matches(*list, origin))
      return true;
  return false;
}

static bool is_known_host(const char *host, size_t len, const char *name) {
  return name && len == strlen(name) && strncasecmp(host, name, len) == 0;
}

bool origin_host_is_safe(const char *host, const char *own) {
  size_t len = strcspn(host, ":");
  if (*host == '[') /* an IPv6 address stands in brackets */
    return true;
  if (is_known_host(host, len, "localhost") || is_known_host(host, len, own))
    return true;
  return len > 0 && strspn(host, "0123456789.") == len;
}

enum { NAME_BYTES = 256 };

bool origin_is_console(const char *admin_listen, const char *origin,
                       const char *host) {
  char admin[NAME_BYTES], own[2 * NAME_BYTES];
  const char *colon = strrchr(host, ':');
  size_t len =
      colon && !strchr(colon, ']') ? (size_t)(colon - host) : strlen(host);
  int port;
  if (!*admin_listen || address_unix_path(admin_listen) ||
      address_split(admin_listen, admin, sizeof admin, &port) ||
      !origin_host_is_safe(host, NULL) || len >= NAME_BYTES)
    return false;
  snprintf(own, sizeof own, "http://%.*s:%d", (int)len, host, port);
  return strcasecmp(origin, own) == 0;
}
