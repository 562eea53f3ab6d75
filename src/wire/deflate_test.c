/* SPDX-License-Identifier: MIT
 * Tests of wire/deflate. What it compresses is inflated by itself and, in
 * spec/deflate_spec.lua, by others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "wire/deflate.h"

#include <stdlib.h>
#include <string.h>

static struct stats stats;

static struct deflate *start(size_t threshold) {
  memset(&stats, 0, sizeof stats);
  return deflate_new(1, threshold, &stats);
}

/* "Hello" in the examples of RFC 7692, 7.2.3. */
#define HELLO "\xf2\x48\xcd\xc9\xc9\x07\x00"

static void check(struct deflate *state, const char *data, size_t len,
                  size_t limit, int err, const char *text) {
  struct buf out = {0};
  assert_int_equal(deflate_inflate(state, data, len, limit, &out), err);
  if (!err) {
    assert_non_null(out.data);
    assert_int_equal(out.len, strlen(text));
    assert_memory_equal(out.data, text, out.len);
  }
  assert_true(out.len <= limit + 1);
  buf_free(&out);
}

static void inflates_the_examples_of_the_rfc(void **unused) {
  struct deflate *state = start(0);
  (void)unused;
  check(state, HELLO, 7, 100, 0, "Hello");
  /* a block that is not compressed; one that ends the stream; two blocks */
  check(state, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11, 100, 0,
        "Hello");
  check(state, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8, 100, 0, "Hello");
  check(state, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13, 100,
        0, "Hello");
  check(state, "\x00", 1, 100, 0, "");
  assert_int_equal(stats.messages_inflated, 5);
  deflate_free(state);
}

/* 7.2.3.2: the second message with the first one as its context. */
static void no_message_refers_to_another(void **unused) {
  struct deflate *state = start(0);
  (void)unused;
  check(state, HELLO, 7, 100, 0, "Hello");
  check(state, "\xf2\x00\x11\x00\x00", 5, 100, ERR_BAD_REQUEST, NULL);
  check(state, HELLO, 7, 100, 0, "Hello");
  deflate_free(state);
}

static void corrupt_or_cut_messages_are_refused(void **unused) {
  struct deflate *state = start(0);
  (void)unused;
  check(state, "", 0, 100, ERR_BAD_REQUEST, NULL);
  check(state, "\xff\xff\xff\xff", 4, 100, ERR_BAD_REQUEST, NULL);
  check(state, "Hello", 5, 100, ERR_BAD_REQUEST, NULL);
  for (size_t len = 1; len < 6; len++)
    check(state, HELLO, len, 100, ERR_BAD_REQUEST, NULL);
  assert_int_equal(stats.messages_inflated, 0);
  check(state, HELLO, 7, 100, 0, "Hello");
  deflate_free(state);
}

static void stops_at_the_limit(void **unused) {
  struct deflate *state = start(0);
  struct buf out = {0};
  enum { MUCH = 16 * 1024 * 1024, LIMIT = 65536 };
  char *much = calloc(1, MUCH);
  size_t len;
  struct frame *frame = frame_new(FRAME_TEXT, much, MUCH);
  const unsigned char *bomb = frame_payload(deflate_frame(state, frame), &len);
  (void)unused;
  assert_true(len < MUCH / 200);
  assert_int_equal(deflate_inflate(state, bomb, len, LIMIT, &out),
                   ERR_TOO_LARGE);
  assert_true(out.cap <= 2 * LIMIT);
  buf_free(&out);
  assert_int_equal(deflate_inflate(state, bomb, len, MUCH - 1, &out),
                   ERR_TOO_LARGE);
  buf_free(&out);
  assert_int_equal(deflate_inflate(state, bomb, len, MUCH, &out), 0);
  assert_int_equal(out.len, MUCH);
  buf_free(&out);
  check(state, HELLO, 7, 4, ERR_TOO_LARGE, NULL);
  check(state, HELLO, 7, 5, 0, "Hello");
  frame_unref(frame);
  free(much);
  deflate_free(state);
}

static void what_it_compresses_comes_back(void **unused) {
  struct deflate *state = start(1);
  (void)unused;
  for (size_t size = 100; size < 300000; size = size * 3 / 2) {
    char *text = malloc(size);
    for (size_t i = 0; i < size; i++)
      text[i] = "perigee"[i * i / 7 % 7];
    struct frame *frame = frame_new(FRAME_TEXT, text, size);
    struct frame *twin = deflate_frame(state, frame);
    struct buf out = {0};
    size_t len;
    const unsigned char *payload = frame_payload(twin, &len);
    assert_ptr_not_equal(twin, frame);
    assert_int_equal(twin->data[0], 0xc1);
    assert_true(twin->len < frame->len);
    assert_int_equal(deflate_inflate(state, payload, len, size, &out), 0);
    assert_int_equal(out.len, size);
    assert_memory_equal(out.data, text, size);
    buf_free(&out);
    frame_unref(frame);
    free(text);
  }
  deflate_free(state);
}

static void a_frame_has_one_twin(void **unused) {
  struct deflate *state = start(10), *other = deflate_new(9, 10, &stats);
  static const char text[200] = "text";
  struct frame *frame = frame_new(FRAME_BINARY, text, sizeof text);
  struct frame *twin = deflate_frame(state, frame);
  (void)unused;
  assert_int_equal(twin->data[0], 0xc2);
  assert_ptr_equal(deflate_frame(state, frame), twin);
  assert_ptr_equal(deflate_frame(other, frame), twin);
  assert_int_equal(stats.frames_deflated, 1);
  frame_ref(twin); /* in a queue, when the frame itself is in none */
  frame_unref(frame);
  assert_int_equal(twin->data[0], 0xc2);
  frame_unref(twin);
  deflate_free(other);
  deflate_free(state);
}

static void some_frames_stay_as_they_are(void **unused) {
  struct deflate *state = start(100);
  char text[400];
  (void)unused;
  memset(text, 'x', sizeof text);
  struct frame *frames[] = {
      frame_new(FRAME_TEXT, text, 99),
      frame_new_close(4000, "a reason that would get shorter shorter shorter "
                            "shorter shorter shorter shorter shorter shorter"),
      NULL,
  };
  srand(1);
  for (size_t i = 0; i < sizeof text; i++)
    text[i] = (char)(rand() >> 8);
  frames[2] = frame_new(FRAME_BINARY, text, sizeof text);
  for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
    assert_ptr_equal(deflate_frame(state, frames[i]), frames[i]);
    assert_ptr_equal(deflate_frame(state, frames[i]), frames[i]);
    assert_int_equal(atomic_load(&frames[i]->refs), 1);
    frame_unref(frames[i]);
  }
  assert_int_equal(stats.frames_deflated, 0);
  deflate_free(state);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(inflates_the_examples_of_the_rfc),
      cmocka_unit_test(no_message_refers_to_another),
      cmocka_unit_test(corrupt_or_cut_messages_are_refused),
      cmocka_unit_test(stops_at_the_limit),
      cmocka_unit_test(what_it_compresses_comes_back),
      cmocka_unit_test(a_frame_has_one_twin),
      cmocka_unit_test(some_frames_stay_as_they_are),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
