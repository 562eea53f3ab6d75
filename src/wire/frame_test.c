/* SPDX-License-Identifier: MIT
 * Tests of wire/frame: the bytes of RFC 6455, read back by a second hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "wire/close.h"
#include "wire/frame.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct frame *frame_of(size_t len) {
  unsigned char *payload = calloc(1, len ? len : 1);
  for (size_t i = 0; i < len; i++)
    payload[i] = (unsigned char)(i * 7 + i / 251);
  struct frame *frame = frame_new(FRAME_TEXT, payload, len);
  free(payload);
  return frame;
}

static void check_frame(size_t len, const void *header, size_t head) {
  struct frame *frame = frame_of(len);
  assert_int_equal(frame->len, head + len);
  assert_memory_equal(frame->data, header, head);
  for (size_t i = 0; i < len; i++)
    if (frame->data[head + i] != (unsigned char)(i * 7 + i / 251))
      fail_msg("byte %zu of %zu is wrong", i, len);
  frame_unref(frame);
}

static void chooses_the_shortest_header(void **state) {
  (void)state;
  check_frame(0, "\x81\x00", 2);
  check_frame(1, "\x81\x01", 2);
  check_frame(125, "\x81\x7d", 2);
  check_frame(126, "\x81\x7e\x00\x7e", 4);
  check_frame(127, "\x81\x7e\x00\x7f", 4);
  check_frame(256, "\x81\x7e\x01\x00", 4);
  check_frame(65535, "\x81\x7e\xff\xff", 4);
  check_frame(65536, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
  check_frame(0x123456, "\x81\x7f\x00\x00\x00\x00\x00\x12\x34\x56", 10);
}

static void is_final_and_never_masked(void **state) {
  static const enum frame_opcode opcodes[] = {FRAME_TEXT, FRAME_BINARY,
                                              FRAME_CLOSE};
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(opcodes); i++) {
    struct frame *frame = frame_new(opcodes[i], "\x03\xe8", 2);
    assert_int_equal(frame->data[0], 0x80 | opcodes[i]);
    assert_false(frame->data[1] & 0x80);
    frame_unref(frame);
  }
}

static void close_frame_has_code_and_reason(void **state) {
  (void)state;
  struct frame *frame = frame_new_close(CLOSE_SLOW_CONSUMER, "slow_consumer");
  assert_int_equal(frame->len, 2 + 2 + 13);
  assert_memory_equal(frame->data, "\x88\x0f\x0f\xa2slow_consumer", 17);
  frame_unref(frame);
  frame = frame_new_close(1000, "");
  assert_int_equal(frame->len, 4);
  assert_memory_equal(frame->data, "\x88\x02\x03\xe8", 4);
  frame_unref(frame);
}

/* A control frame over 125 bytes would end the connection at the peer. */
static void close_reason_fits_or_is_left_out(void **state) {
  char reason[CLOSE_REASON_BYTES + 2];
  (void)state;
  memset(reason, 'x', sizeof reason);
  reason[CLOSE_REASON_BYTES] = 0;
  struct frame *frame = frame_new_close(4502, reason);
  assert_int_equal(frame->len, 2 + 125);
  assert_memory_equal(frame->data, "\x88\x7d\x11\x96", 4);
  assert_memory_equal(frame->data + 4, reason, CLOSE_REASON_BYTES);
  frame_unref(frame);
  reason[CLOSE_REASON_BYTES] = 'x';
  reason[CLOSE_REASON_BYTES + 1] = 0;
  frame = frame_new_close(4502, reason);
  assert_int_equal(frame->len, 4);
  assert_memory_equal(frame->data, "\x88\x02\x11\x96", 4);
  frame_unref(frame);
}

static void every_close_reason_fits_a_control_frame(void **state) {
  (void)state;
#define CHECK(name, code, reason)                                              \
  assert_true(strlen(reason) <= CLOSE_REASON_BYTES);                           \
  assert_string_equal(close_reason(CLOSE_##name), reason);                     \
  assert_int_equal(CLOSE_##name, code);
  CLOSE_MAP(CHECK)
#undef CHECK
  assert_string_equal(close_reason(4321), "closed");
}

static void lives_until_the_last_holder_lets_go(void **state) {
  (void)state;
  struct frame *frame = frame_of(3);
  assert_ptr_equal(frame_ref(frame), frame);
  assert_ptr_equal(frame_ref(frame), frame);
  frame_unref(frame);
  frame_unref(frame);
  assert_int_equal(atomic_load(&frame->refs), 1);
  assert_int_equal(frame->len, 5);
  frame_unref(frame);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(chooses_the_shortest_header),
      cmocka_unit_test(is_final_and_never_masked),
      cmocka_unit_test(close_frame_has_code_and_reason),
      cmocka_unit_test(close_reason_fits_or_is_left_out),
      cmocka_unit_test(every_close_reason_fits_a_control_frame),
      cmocka_unit_test(lives_until_the_last_holder_lets_go),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
