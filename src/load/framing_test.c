/* SPDX-License-Identifier: MIT
 * Tests of load/framing. */
#include "load/framing.h"

#include "base/err.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* What a server sends: no mask. */
static void put_server_frame(struct buf *out, size_t len) {
  buf_putc(out, (char)0x81);
  buf_putc(out, (char)(len < 126 ? len : len < 65536 ? 126 : 127));
  for (int i = len < 126 ? 0 : len < 65536 ? 2 : 8; i-- > 0;)
    buf_putc(out, (char)((uint64_t)len >> (8 * i)));
  memset(buf_reserve(out, len), 'x', len);
  out->len += len;
}

static void reads_whole_frames_only(void **state) {
  static const size_t lengths[] = {0, 1, 125, 126, 65535, 65536};
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
    struct buf bytes = {0};
    struct framing_frame frame;
    put_server_frame(&bytes, lengths[i]);
    for (size_t n = 0; n < bytes.len; n += 1 + n / 7)
      assert_int_equal(framing_read(bytes.data, n, &frame), 0);
    assert_int_equal(framing_read(bytes.data, bytes.len - 1, &frame), 0);
    buf_puts(&bytes, "next");
    assert_int_equal(framing_read(bytes.data, bytes.len, &frame),
                     bytes.len - 4);
    assert_int_equal(frame.opcode, FRAMING_TEXT);
    assert_true(frame.last);
    assert_int_equal(frame.len, lengths[i]);
    assert_ptr_equal(frame.payload, bytes.data + bytes.len - 4 - lengths[i]);
    buf_free(&bytes);
  }
}

static void knows_a_length_before_the_payload(void **state) {
  static const char huge[] = "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff";
  struct framing_frame frame;
  (void)state;
  assert_int_equal(framing_read(huge, sizeof huge - 1, &frame), 0);
  assert_true(frame.len == INT64_MAX);
}

static void refuses_what_no_server_sends(void **state) {
  static const char *const wrong[] = {
      "\x81\x80", /* a mask */
      "\xc1\x01", /* a reserved bit */
      "\x83\x01", /* an opcode that is none */
      "\x8b\x01", /* the same, of a control frame */
      "\x09\x01", /* a control frame in fragments */
      "\x89\x7e", /* a long control frame */
  };
  struct framing_frame frame;
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
    assert_int_equal(framing_read(wrong[i], 2, &frame), ERR_BAD_REQUEST);
}

static void writes_under_a_mask(void **state) {
  static const size_t lengths[] = {0, 1, 3, 4, 5, 125, 126, 65535, 65536};
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
    struct buf plain = {0}, out = {0};
    uint32_t mask = 0x4d3c2b1a;
    put_server_frame(&plain, lengths[i]);
    size_t head = plain.len - lengths[i];
    framing_write(&out, FRAMING_TEXT, plain.data + head, lengths[i], mask);
    assert_int_equal(out.len, plain.len + sizeof mask);
    assert_int_equal(out.data[1] & 0x80, 0x80);
    out.data[1] = (char)(out.data[1] & 0x7f);
    assert_memory_equal(out.data, plain.data, head);
    assert_memory_equal(out.data + head, &mask, sizeof mask);
    for (size_t k = 0; k < lengths[i]; k++)
      assert_int_equal(out.data[head + 4 + k] ^ ((char *)&mask)[k % 4], 'x');
    buf_free(&plain);
    buf_free(&out);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_whole_frames_only),
      cmocka_unit_test(knows_a_length_before_the_payload),
      cmocka_unit_test(refuses_what_no_server_sends),
      cmocka_unit_test(writes_under_a_mask),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
