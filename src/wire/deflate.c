/* SPDX-License-Identifier: MIT
 * permessage-deflate, message by message. */
#include "wire/deflate.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>

#define ZLIB_CONST
#include <zlib.h>

enum {
  WINDOW_BITS = -DEFLATE_WINDOW_BITS, /* without a header of zlib's own */
  MEMORY_LEVEL = 8,
  KEPT_BYTES = 64 * 1024, /* of room for what is being compressed */
  FIRST_BYTES = 1024,     /* of room for what is being inflated */
  BLOCK_ENDED = 128,      /* in z_stream.data_type, see inflate */
};

/* What a sender leaves out at the end of each message: an empty block. */
static const unsigned char tail[] = {0x00, 0x00, 0xff, 0xff};

struct deflate {
  z_stream out, in; /* to the peers, from the peers */
  size_t threshold;
  struct stats *stats;
  const char *fault; /* static */
  struct buf room;
};

static void *zlib_allocate(void *unused, unsigned count, unsigned size) {
  (void)unused;
  return mem_alloc((size_t)count * size);
}

static void zlib_release(void *unused, void *ptr) {
  (void)unused;
  mem_free(ptr);
}

struct deflate *deflate_new(int level, size_t threshold, struct stats *stats) {
  struct deflate *state = mem_alloc(sizeof *state);
  state->threshold = threshold;
  state->stats = stats;
  state->in.zalloc = state->out.zalloc = zlib_allocate;
  state->in.zfree = state->out.zfree = zlib_release;
  if (deflateInit2(&state->out, level, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL,
                   Z_DEFAULT_STRATEGY) != Z_OK ||
      inflateInit2(&state->in, WINDOW_BITS) != Z_OK)
    log_fatal("zlib does not start: is it another version than %s?",
              ZLIB_VERSION);
  return state;
}

void deflate_free(struct deflate *state) {
  if (!state)
    return;
  deflateEnd(&state->out);
  inflateEnd(&state->in);
  buf_free(&state->room);
  mem_free(state);
}

/* --- to the peers ------------------------------------------------------- */

/* The payload compressed, without the tail, in state->room; false if that is
 * not smaller. */
static bool compress_payload(struct deflate *state,
                             const unsigned char *payload, size_t len) {
  z_stream *z = &state->out;
  buf_reset(&state->room, KEPT_BYTES);
  deflateReset(z);
  z->next_in = payload;
  z->avail_in = (unsigned)len;
  z->next_out = (unsigned char *)buf_reserve(&state->room, len);
  z->avail_out = (unsigned)len;
  /* With room left everything was flushed, the tail included. */
  if (deflate(z, Z_SYNC_FLUSH) != Z_OK || z->avail_out == 0)
    return false;
  state->room.len = len - z->avail_out - sizeof tail;
  return true;
}

/* The frame itself stands for "it has none". */
static struct frame *make_twin(struct deflate *state, struct frame *frame) {
  size_t len;
  enum frame_opcode opcode = frame_opcode(frame);
  const unsigned char *payload = frame_payload(frame, &len);
  if (len < state->threshold ||
      (opcode != FRAME_TEXT && opcode != FRAME_BINARY))
    return frame;
  if (!compress_payload(state, payload, len))
    return frame;
  return frame_new((int)opcode | FRAME_COMPRESSED, state->room.data,
                   state->room.len);
}

struct frame *deflate_frame(struct deflate *state, struct frame *frame) {
  struct frame *known =
      atomic_load_explicit(&frame->twin, memory_order_acquire);
  if (known)
    return known;
  struct frame *twin = make_twin(state, frame);
  /* Another worker may be sending the same frame just now. */
  if (!atomic_compare_exchange_strong_explicit(&frame->twin, &known, twin,
                                               memory_order_acq_rel,
                                               memory_order_acquire)) {
    if (twin != frame)
      frame_unref(twin);
    return known;
  }
  state->stats->frames_deflated += twin != frame;
  return twin;
}

/* --- from the peers ----------------------------------------------------- */

/* Where the next bytes go: as much again as there is, and one byte over the
 * limit at most, which tells that there is more. */
static size_t grow_output(z_stream *z, struct buf *out, size_t limit) {
  size_t room = out->len > FIRST_BYTES ? out->len : FIRST_BYTES;
  if (room > limit + 1 - out->len)
    room = limit + 1 - out->len;
  z->next_out = (unsigned char *)buf_reserve(out, room);
  z->avail_out = (unsigned)room;
  return room;
}

/* A sender may end the stream and begin another one within a message. */
static int inflate_part(z_stream *z, const void *data, size_t len, size_t limit,
                        struct buf *out) {
  z->next_in = data;
  z->avail_in = (unsigned)len;
  do {
    size_t room = grow_output(z, out, limit);
    int result = inflate(z, Z_SYNC_FLUSH);
    out->len += room - z->avail_out;
    if (out->len > limit)
      return ERR_TOO_LARGE;
    if (result == Z_STREAM_END)
      inflateReset(z);
    else if (result != Z_OK && result != Z_BUF_ERROR)
      return ERR_BAD_REQUEST;
  } while (z->avail_in > 0 || z->avail_out == 0);
  return 0;
}

/* A peer that keeps its context, though told not to, refers to what it sent
 * before, which is farther back than the message is long. */
static const char *name_fault(const z_stream *z) {
  if (!z->msg)
    return "it does not end with a block";
  return strstr(z->msg, "too far back")
             ? "it refers to an earlier message: the peer keeps its "
               "compression window, although it was told "
               "client_no_context_takeover; deflate.except helps"
             : z->msg;
}

const char *deflate_fault(const struct deflate *state) {
  return state->fault;
}

int deflate_inflate(struct deflate *state, const void *data, size_t len,
                    size_t limit, struct buf *out) {
  z_stream *z = &state->in;
  inflateReset(z);
  int err = inflate_part(z, data, len, limit, out);
  if (!err)
    err = inflate_part(z, tail, sizeof tail, limit, out);
  if (!err && !(z->data_type & BLOCK_ENDED))
    err = ERR_BAD_REQUEST;
  if (err == ERR_BAD_REQUEST)
    state->fault = name_fault(z);
  state->stats->messages_inflated += !err;
  return err;
}
