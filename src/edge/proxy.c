/* SPDX-License-Identifier: MIT
 * Trusted proxies. */
#include "edge/proxy.h"

#include "base/err.h"
#include "base/mem.h"
#include "net/tcp.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 64 };

struct proxy_address {
  int family;              /* AF_INET or AF_INET6 */
  unsigned char bytes[16]; /* network order; 4 of them with AF_INET */
};

struct proxy_net {
  struct proxy_address address;
  unsigned bits; /* of the address that count */
};

static unsigned width(const struct proxy_address *address) {
  return address->family == AF_INET ? 32 : 128;
}

/* An IPv4 address in the form of IPv6 (::ffff:1.2.3.4) is an IPv4 address. */
static void unmap(struct proxy_address *address) {
  static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
  if (memcmp(address->bytes, mapped, sizeof mapped) != 0)
    return;
  address->family = AF_INET;
  memmove(address->bytes, address->bytes + 12, 4);
}

static bool read_address(const char *text, struct proxy_address *out) {
  *out = (struct proxy_address){.family = AF_INET};
  if (inet_pton(AF_INET, text, out->bytes) == 1)
    return true;
  out->family = AF_INET6;
  if (inet_pton(AF_INET6, text, out->bytes) != 1)
    return false;
  unmap(out);
  return true;
}

/* "address", "address:port", "[ipv6]", "[ipv6]:port": what proxies write. */
static bool read_hop(const char *text, size_t len, struct proxy_address *out) {
  char copy[TEXT_BYTES], *at = copy;
  if (len == 0 || len >= sizeof copy)
    return false;
  memcpy(copy, text, len);
  copy[len] = '\0';
  char *colon = strchr(copy, ':');
  if (*copy == '[') {
    at++;
    at[strcspn(at, "]")] = '\0';
  } else if (colon && !strchr(colon + 1, ':')) {
    *colon = '\0';
  }
  return read_address(at, out);
}

/* --- the list ----------------------------------------------------------- */

static bool read_net(const char *text, struct proxy_net *net) {
  char copy[TEXT_BYTES];
  size_t len = strcspn(text, "/");
  if (len >= sizeof copy)
    return false;
  memcpy(copy, text, len);
  copy[len] = '\0';
  if (!read_address(copy, &net->address))
    return false;
  net->bits = width(&net->address);
  if (text[len] == '\0')
    return true;
  const char *bits = text + len + 1;
  size_t digits = strlen(bits);
  if (digits < 1 || digits > 3 || strspn(bits, "0123456789") != digits ||
      strtoul(bits, NULL, 10) > net->bits)
    return false;
  net->bits = (unsigned)strtoul(bits, NULL, 10);
  return true;
}

int proxy_parse(struct proxies *proxies, char *const *list, struct buf *error) {
  size_t count = 0;
  while (list[count])
    count++;
  *proxies = (struct proxies){0};
  proxies->nets = mem_alloc((count + 1) * sizeof *proxies->nets);
  for (; *list; list++)
    if (!read_net(*list, &proxies->nets[proxies->count++])) {
      buf_printf(error,
                 "proxy.trusted: `%s` is no address or network: write "
                 "10.1.2.3, 10.0.0.0/8 or fd00::/8",
                 *list);
      return ERR_CONFIG;
    }
  return 0;
}

void proxy_free(struct proxies *proxies) {
  mem_free(proxies->nets);
  *proxies = (struct proxies){0};
}

/* --- addresses ---------------------------------------------------------- */

static bool is_in(const struct proxy_net *net,
                  const struct proxy_address *address) {
  unsigned whole = net->bits / 8, rest = net->bits % 8;
  if (net->address.family != address->family ||
      memcmp(net->address.bytes, address->bytes, whole) != 0)
    return false;
  unsigned differ = net->address.bytes[whole % 16] ^ address->bytes[whole % 16];
  return rest == 0 || differ >> (8 - rest) == 0;
}

static bool is_our_proxy(const struct proxies *proxies,
                         const struct proxy_address *address) {
  for (size_t i = 0; i < proxies->count; i++)
    if (is_in(&proxies->nets[i], address))
      return true;
  return false;
}

bool proxy_trusted(const struct proxies *proxies, const char *text) {
  struct proxy_address address;
  if (!strcmp(text, TCP_UNIX_PEER))
    return true;
  return proxies->count > 0 && read_address(text, &address) &&
         is_our_proxy(proxies, &address);
}

/* Takes the last entry off a text of `*len` bytes; false if none is left. */
static bool last_hop(const char *text, size_t *len, const char **hop,
                     size_t *hop_len) {
  size_t end = *len, start;
  if (end == 0)
    return false;
  for (start = end; start > 0 && text[start - 1] != ',';)
    start--;
  *len = start > 0 ? start - 1 : 0;
  while (start < end && (text[start] == ' ' || text[start] == '\t'))
    start++;
  while (end > start && (text[end - 1] == ' ' || text[end - 1] == '\t'))
    end--;
  *hop = text + start;
  *hop_len = end - start;
  return true;
}

void proxy_client(const struct proxies *proxies, const char *peer,
                  const char *forwarded, char out[PROXY_ADDRESS_BYTES]) {
  struct proxy_address address;
  size_t len = strlen(forwarded), hop_len;
  const char *hop;
  bool ours = proxy_trusted(proxies, peer);
  strncpy(out, peer, PROXY_ADDRESS_BYTES - 1);
  out[PROXY_ADDRESS_BYTES - 1] = '\0';
  /* What is no address ends it: the proxy that wrote it is all we know. */
  while (ours && last_hop(forwarded, &len, &hop, &hop_len) &&
         read_hop(hop, hop_len, &address)) {
    inet_ntop(address.family, address.bytes, out, PROXY_ADDRESS_BYTES);
    ours = is_our_proxy(proxies, &address);
  }
}
