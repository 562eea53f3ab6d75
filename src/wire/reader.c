/* SPDX-License-Identifier: MIT
 * Frames of a client. */
#include "wire/reader.h"

#include "base/mem.h"
#include "wire/frame.h"

#include <string.h>

enum {
  FIN = 0x80,
  RSV = 0x70,
  OPCODE = 0x0f,
  CONTROL = 0x08, /* a bit of the opcodes of control frames */
  MASKED = 0x80,
  LENGTH = 0x7f,
  LENGTH_16 = 126,
  LENGTH_64 = 127,
  CONTROL_BYTES_MAX = 125,
};

/* --- headers ------------------------------------------------------------ */

/* How long the header is whose first two bytes these are. */
static size_t head_size(const unsigned char *head) {
  size_t length = head[1] & LENGTH;
  return 2 + (length == LENGTH_16 ? 2U : length == LENGTH_64 ? 8U : 0U) + 4;
}

/* What those two bytes may say, after the frames before it. */
static bool head_allowed(const struct reader *reader,
                         const unsigned char *head) {
  int opcode = head[0] & OPCODE;
  bool begins = opcode == FRAME_TEXT || opcode == FRAME_BINARY;
  int rsv = head[0] & RSV;
  if (!(head[1] & MASKED)) /* 5.1: a client masks */
    return false;
  if (rsv && !(rsv == FRAME_COMPRESSED && begins && reader->deflate))
    return false;
  if (opcode & CONTROL)
    return opcode <= FRAME_PONG && head[0] & FIN &&
           (head[1] & LENGTH) <= CONTROL_BYTES_MAX;
  return reader->message ? opcode == FRAME_CONTINUATION : begins;
}

/* All of the header. False if its length is none (5.2: 63 bits). */
static bool read_frame_head(struct reader *reader, const unsigned char *head) {
  size_t length = head[1] & LENGTH;
  size_t wide = head_size(head) - 6;
  if (wide > 0)
    length = 0;
  for (size_t i = 0; i < wide; i++)
    length = length << 8 | head[2 + i];
  memcpy(reader->mask, head + 2 + wide, sizeof reader->mask);
  reader->first = head[0];
  reader->left = length;
  reader->in_payload = true;
  if (!(head[0] & CONTROL) && !reader->message)
    reader->message = head[0];
  return length >> 63 == 0;
}

static void skip_input(struct reader_input *input, size_t len) {
  input->at += len;
  input->len -= len;
}

static struct reader_pieces *pieces_of(struct reader *reader) {
  if (!reader->pieces)
    reader->pieces = mem_alloc(sizeof *reader->pieces);
  return reader->pieces;
}

/* Moves bytes of the header to `head` until it has `want`; whether it has. */
static bool gather_head(struct reader_pieces *pieces,
                        struct reader_input *input, size_t want) {
  size_t missing = want - pieces->head_len;
  size_t n = input->len < missing ? input->len : missing;
  memcpy(pieces->head + pieces->head_len, input->at, n);
  pieces->head_len = (unsigned char)(pieces->head_len + n);
  skip_input(input, n);
  return pieces->head_len == want;
}

/* A header that comes in pieces. */
static enum reader_kind next_head_slowly(struct reader *reader,
                                         struct reader_input *input) {
  struct reader_pieces *pieces = pieces_of(reader);
  if (pieces->head_len < 2 && !gather_head(pieces, input, 2))
    return READER_MORE;
  if (!head_allowed(reader, pieces->head))
    return READER_FAULT;
  if (!gather_head(pieces, input, head_size(pieces->head)))
    return READER_MORE;
  bool good = read_frame_head(reader, pieces->head);
  reader_free(reader);
  return good ? READER_DATA : READER_FAULT;
}

/* READER_DATA: the payload follows. */
static enum reader_kind next_head(struct reader *reader,
                                  struct reader_input *input) {
  const unsigned char *head = input->at;
  if (reader->pieces || input->len < 2 || input->len < head_size(head))
    return next_head_slowly(reader, input);
  if (!head_allowed(reader, head) || !read_frame_head(reader, head))
    return READER_FAULT;
  skip_input(input, head_size(head));
  return READER_DATA;
}

/* --- payload ------------------------------------------------------------ */

static void unmask_word(unsigned char *data, uint64_t mask) {
  uint64_t word;
  memcpy(&word, data, sizeof word);
  word ^= mask;
  memcpy(data, &word, sizeof word);
}

/* 5.3. 32 or eight bytes at a time; `mask` is turned for those that follow. */
static void unmask(unsigned char *data, size_t len, unsigned char mask[4]) {
  uint64_t wide;
  size_t i = 0;
  memcpy(&wide, mask, 4);
  memcpy((unsigned char *)&wide + 4, mask, 4);
  for (; i + 32 <= len; i += 32) {
    unmask_word(data + i, wide);
    unmask_word(data + i + 8, wide);
    unmask_word(data + i + 16, wide);
    unmask_word(data + i + 24, wide);
  }
  for (; i + 8 <= len; i += 8)
    unmask_word(data + i, wide);
  for (; i < len; i++)
    data[i] ^= mask[i % 4];
  for (size_t turns = len % 4; turns > 0; turns--) {
    unsigned char first = mask[0];
    memmove(mask, mask + 1, 3);
    mask[3] = first;
  }
}

static enum reader_kind next_data(struct reader *reader,
                                  struct reader_part *part, bool begins) {
  part->is_binary = (reader->message & OPCODE) == FRAME_BINARY;
  part->compressed = reader->message & FRAME_COMPRESSED;
  part->first = begins && reader->first & OPCODE;
  part->last = reader->left == 0 && reader->first & FIN;
  if (part->last)
    reader->message = 0;
  return READER_DATA;
}

static enum reader_kind next_control(struct reader *reader,
                                     struct reader_part *part, bool begins) {
  if (!begins || part->left > 0) {
    struct buf *all = &pieces_of(reader)->control;
    buf_put(all, part->data, part->len);
    part->data = (unsigned char *)all->data;
    part->len = all->len;
  }
  if (part->left > 0)
    return READER_MORE;
  switch (reader->first & OPCODE) {
  case FRAME_CLOSE:
    return READER_CLOSE;
  case FRAME_PING:
    return READER_PING;
  default:
    return READER_PONG;
  }
}

/* A control frame that came in pieces has been used. */
static void drop_pieces(struct reader *reader) {
  if (reader->pieces && reader->pieces->head_len == 0)
    reader_free(reader);
}

enum reader_kind reader_next(struct reader *reader, struct reader_input *input,
                             struct reader_part *part) {
  bool begins = !reader->in_payload;
  if (input->len == 0)
    return READER_MORE;
  if (begins) {
    drop_pieces(reader);
    enum reader_kind kind = next_head(reader, input);
    if (kind != READER_DATA)
      return kind;
  }
  size_t len = input->len < reader->left ? input->len : (size_t)reader->left;
  unmask(input->at, len, reader->mask);
  reader->left -= len;
  reader->in_payload = reader->left > 0;
  *part =
      (struct reader_part){.data = input->at, .len = len, .left = reader->left};
  skip_input(input, len);
  return reader->first & CONTROL ? next_control(reader, part, begins)
                                 : next_data(reader, part, begins);
}

void reader_free(struct reader *reader) {
  if (reader->pieces)
    buf_free(&reader->pieces->control);
  mem_free(reader->pieces);
  reader->pieces = NULL;
}
