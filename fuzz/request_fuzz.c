/* SPDX-License-Identifier: MIT
 * Whatever comes as a request, its head is taken or refused, wherever it is
 * cut; and what is taken can be read in one way only. */
#include "wire/request.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
  if (!ok)
    abort();
}

static bool is_within(struct slice slice, const char *data, size_t len) {
  return slice.len == 0 || slice_equals(slice, "/") ||
         (slice.at >= data && slice.at + slice.len <= data + len);
}

static bool has_byte(struct slice slice, const char *bytes) {
  for (size_t i = 0; i < slice.len; i++)
    if (!slice.at[i] || strchr(bytes, slice.at[i]))
      return true;
  return false;
}

/* The same, however it is asked for. */
static size_t length(const char *data, size_t size) {
  size_t whole = request_length(data, size, 0);
  for (size_t seen = 0; seen < size; seen += 1 + size / 16) {
    size_t before = request_length(data, seen, 0);
    require(before == 0 || before == seen || before == whole);
    if (before == 0)
      require(request_length(data, size, seen) == whole);
  }
  return whole;
}

static void check(const struct request *request, const char *data, size_t len) {
  char out[64];
  require(is_within(request->method, data, len));
  require(is_within(request->path, data, len));
  require(is_within(request->query, data, len));
  require(is_within(request->host, data, len));
  require(request->method.len > 0 && !has_byte(request->method, "\r\n\t :"));
  require(!has_byte(request->path, "\r\n\t ?#"));
  require(!has_byte(request->query, "\r\n\t #"));
  require(!has_byte(request->host, "\r\n\t /@?#"));
  require(request->minor == 0 || request->has_host);
  require(!request->chunked || request->length == 0);
  for (size_t i = 0; i < request->count; i++) {
    require(!has_byte(request->fields[i].name, "\r\n\t :"));
    require(!has_byte(request->fields[i].value, "\r\n"));
  }
  request_join(request, "cookie", "; ", out, sizeof out);
  (void)request_has_word(request, "connection", "upgrade");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  struct request request;
  struct request_fault fault = {0};
  char *data = malloc(size ? size : 1); /* a byte too far is seen */
  require(data != NULL);
  memcpy(data, bytes, size);
  size_t len = length(data, size);
  require(len <= size);
  if (len > 0 && request_read(&request, data, len, &fault))
    check(&request, data, len);
  else if (len > 0)
    require(fault.status >= 400 && fault.text != NULL);
  free(data);
  return 0;
}
