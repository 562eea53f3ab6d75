/* SPDX-License-Identifier: MIT
 * Whatever a connection begins with: a preface is read the same whole and with
 * more behind it, every part of it wants more, and it names an address or
 * none. */
#include "wire/preface.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum preface_result read_copy(const uint8_t *data, size_t len,
                                     struct preface *out) {
  char *copy = malloc(len ? len : 1); /* so that nothing is read beyond it */
  if (!copy)
    abort();
  if (len)
    memcpy(copy, data, len);
  enum preface_result result = preface_read(copy, len, out);
  free(copy);
  return result;
}

static int is_address(const char *text) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, text, bytes) == 1 ||
         inet_pton(AF_INET6, text, bytes) == 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct preface whole, again;
  enum preface_result result = read_copy(data, size, &whole);
  if (result != PREFACE_DONE)
    return 0;
  if (whole.len > size || whole.len > PREFACE_BYTES_MAX)
    abort();
  if (*whole.address && !is_address(whole.address))
    abort();
  if (read_copy(data, whole.len, &again) != PREFACE_DONE ||
      again.len != whole.len || strcmp(again.address, whole.address) != 0)
    abort();
  for (size_t part = 0; part < whole.len; part++)
    if (read_copy(data, part, &again) != PREFACE_MORE)
      abort();
  return 0;
}
