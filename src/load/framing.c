/* SPDX-License-Identifier: MIT
 * WebSocket frames as a client reads and writes them. */
#include "load/framing.h"

#include "base/err.h"

#include <string.h>

enum {
  FIN = 0x80,
  RESERVED = 0x70,
  OPCODE = 0x0f,
  CONTROL = 0x08,
  MASKED = 0x80,
  LEN = 0x7f,
  LEN_16 = 126,
  LEN_64 = 127,
  SHORT_BYTES = 2,       /* of the shortest header */
  HEAD_BYTES = 2 + 8 + 4 /* of the longest one that we write */
};

/* How many bytes the length takes that are behind its first one. */
static size_t more_of_length(unsigned first) {
  return first == LEN_16 ? 2 : first == LEN_64 ? 8 : 0;
}

static bool is_allowed(const unsigned char *head) {
  unsigned opcode = head[0] & OPCODE;
  if ((head[0] & RESERVED) || (head[1] & MASKED))
    return false;
  if (opcode & CONTROL)
    return opcode <= FRAMING_PONG && (head[0] & FIN) && head[1] < LEN_16;
  return opcode <= 2; /* with binary messages, which say nothing to us */
}

ssize_t framing_read(const char *bytes, size_t len,
                     struct framing_frame *frame) {
  const unsigned char *head = (const unsigned char *)bytes;
  frame->len = 0;
  if (len < SHORT_BYTES)
    return 0;
  if (!is_allowed(head))
    return ERR_BAD_REQUEST;
  size_t size = SHORT_BYTES + more_of_length(head[1]);
  if (len < size)
    return 0;
  uint64_t payload = size == SHORT_BYTES ? head[1] : 0;
  for (size_t i = SHORT_BYTES; i < size; i++)
    payload = payload << 8 | head[i];
  frame->opcode = head[0] & OPCODE;
  frame->last = head[0] & FIN;
  frame->payload = bytes + size;
  frame->len = payload;
  return len - size < payload ? 0 : (ssize_t)(size + payload);
}

static void copy_masked(char *to, const char *from, size_t len, uint32_t mask) {
  uint32_t word;
  size_t i = 0;
  for (; i + sizeof word <= len; i += sizeof word) {
    memcpy(&word, from + i, sizeof word);
    word ^= mask;
    memcpy(to + i, &word, sizeof word);
  }
  memcpy(&word, &mask, sizeof word);
  for (size_t k = 0; i + k < len; k++)
    to[i + k] = (char)(from[i + k] ^ ((const char *)&word)[k]);
}

void framing_write(struct buf *out, enum framing_opcode opcode,
                   const char *payload, size_t len, uint32_t mask) {
  unsigned first = len < LEN_16    ? (unsigned)len
                   : len <= 0xffff ? LEN_16
                                   : LEN_64;
  size_t more = more_of_length(first);
  char *at = buf_reserve(out, HEAD_BYTES + len);
  *at++ = (char)(FIN | opcode);
  *at++ = (char)(MASKED | first);
  for (size_t i = more; i-- > 0;)
    *at++ = (char)((uint64_t)len >> (8 * i));
  memcpy(at, &mask, sizeof mask);
  copy_masked(at + sizeof mask, payload, len, mask);
  out->len += SHORT_BYTES + more + sizeof mask + len;
}
