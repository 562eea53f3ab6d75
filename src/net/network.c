/* SPDX-License-Identifier: MIT
 * The networks that limits count. */
#include "net/network.h"

#include <arpa/inet.h>
#include <string.h>

enum { ADDRESS_BYTES = 16, PREFIX_BYTES = 8 };

void network_of(const char *address, char out[NETWORK_BYTES]) {
  static const unsigned char translated[12] = {0x00, 0x64, 0xff, 0x9b};
  unsigned char bytes[ADDRESS_BYTES];
  if (!strchr(address, ':') || inet_pton(AF_INET6, address, bytes) != 1 ||
      memcmp(bytes, translated, sizeof translated) == 0) {
    strncpy(out, address, NETWORK_BYTES - 1);
    out[NETWORK_BYTES - 1] = '\0';
    return;
  }
  memset(bytes + PREFIX_BYTES, 0, ADDRESS_BYTES - PREFIX_BYTES);
  inet_ntop(AF_INET6, bytes, out, INET6_ADDRSTRLEN);
  strcat(out, "/64");
}
