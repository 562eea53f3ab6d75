/* SPDX-License-Identifier: MIT
 * Where the head of an HTTP request ends. */
#include "edge/head.h"

#include <string.h>

/* A method (RFC 9110, 9.1), or an empty line before the request (RFC 9112,
 * 2.2). */
static int may_begin(char c) {
  return (c >= 'A' && c <= 'Z') || c == '\r' || c == '\n';
}

size_t head_length(const char *data, size_t len) {
  const char *end = data + len, *at = data;
  if (len > 0 && !may_begin(*data))
    return len;
  while (at < end && (*at == '\r' || *at == '\n'))
    at++;
  while ((at = memchr(at, '\n', (size_t)(end - at)))) {
    at++;
    if (at < end && *at == '\r')
      at++;
    if (at < end && *at == '\n')
      return (size_t)(at + 1 - data);
  }
  return len >= HEAD_BYTES_MAX ? len : 0;
}
