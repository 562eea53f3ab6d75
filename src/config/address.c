/* SPDX-License-Identifier: MIT
 * Where something listens. */
#include "config/address.h"

#include "base/err.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static bool is_hostname(const char *text) {
  return text[strspn(text, "abcdefghijklmnopqrstuvwxyz"
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")] == '\0';
}

static int read_port(const char *text, int *port) {
  size_t len = strlen(text);
  if (len < 1 || len > 5 || strspn(text, "0123456789") != len)
    return ERR_CONFIG;
  *port = atoi(text);
  return *port <= 65535 ? 0 : ERR_CONFIG;
}

const char *address_unix_path(const char *address) {
  if (!strncmp(address, "unix:/", 6))
    return address + 5;
  return *address == '/' ? address : NULL;
}

int address_split(const char *text, char *host, size_t cap, int *port) {
  struct in6_addr ignored;
  const char *colon = strrchr(text, ':');
  if (!colon)
    return ERR_CONFIG;
  bool bracket = text[0] == '[';
  size_t len = (size_t)(colon - text);
  if (bracket) {
    if (len < 2 || text[len - 1] != ']')
      return ERR_CONFIG;
    text++;
    len -= 2;
  }
  if (len >= cap)
    return ERR_CONFIG;
  memcpy(host, text, len);
  host[len] = '\0';
  if (bracket ? inet_pton(AF_INET6, host, &ignored) != 1 : !is_hostname(host))
    return ERR_CONFIG;
  return read_port(colon + 1, port);
}

bool address_is_local(const char *address) {
  char host[256];
  struct in_addr ipv4;
  int port;
  if (address_unix_path(address))
    return true;
  if (address_split(address, host, sizeof host, &port) < 0)
    return false;
  if (inet_pton(AF_INET, host, &ipv4) == 1)
    return ntohl(ipv4.s_addr) >> 24 == IN_LOOPBACKNET;
  return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0;
}
