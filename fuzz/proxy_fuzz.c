/* SPDX-License-Identifier: MIT
 * Whatever X-Forwarded-For says, the client is an address, and a stranger's
 * header changes nothing. */
#include "edge/proxy.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_address(const char *text) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, text, bytes) == 1 ||
         inet_pton(AF_INET6, text, bytes) == 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *list[] = {"10.0.0.0/9", "fd00::/7", NULL};
  char out[PROXY_ADDRESS_BYTES];
  struct proxies proxies;
  struct buf error = {0}, header = {0};
  if (size)
    buf_put(&header, data, size);
  buf_putc(&header, 0);
  if (proxy_parse(&proxies, list, &error))
    abort();
  proxy_client(&proxies, "10.0.0.1", header.data, out);
  if (!is_address(out))
    abort();
  proxy_client(&proxies, "192.0.2.1", header.data, out);
  if (strcmp(out, "192.0.2.1") != 0)
    abort();
  proxy_free(&proxies);
  char *entry[] = {header.data, NULL};
  if (!proxy_parse(&proxies, entry, &error))
    proxy_trusted(&proxies, out);
  proxy_free(&proxies);
  buf_free(&error);
  buf_free(&header);
  return 0;
}
