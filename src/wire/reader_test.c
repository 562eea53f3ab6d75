/* SPDX-License-Identifier: MIT
 * Tests of wire/reader: the same comes out however the bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/frame.h"
#include "wire/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIN = 0x80, MASKED = 0x80, MORE_FRAGMENTS = 0 };

/* --- streams ------------------------------------------------------------ */

/* A frame of a client. `wide`: bytes of the extended length. */
static void put_frame_as(struct buf *out, int first, const char *text,
                         size_t len, size_t wide) {
  static const unsigned char mask[] = {0x37, 0xfa, 0x21, 0x3d};
  size_t short_len = wide == 0 ? len : wide == 2 ? 126 : 127;
  buf_putc(out, (char)first);
  buf_putc(out, (char)(MASKED | short_len));
  for (size_t i = wide; i > 0; i--)
    buf_putc(out, (char)((uint64_t)len >> 8 * (i - 1)));
  buf_put(out, mask, sizeof mask);
  for (size_t i = 0; i < len; i++)
    buf_putc(out, (char)(text[i] ^ mask[i % 4]));
}

static void put_frame(struct buf *out, int first, const char *text) {
  size_t len = strlen(text);
  put_frame_as(out, first, text, len, len < 126 ? 0 : len < 65536 ? 2 : 8);
}

/* --- what was read ------------------------------------------------------ */

/* Writes what came to `log`: "text(...)", "ping(...)", … */
struct recorder {
  struct reader reader;
  struct buf log;
  bool in_message;
};

static void record_part(struct recorder *to, const struct reader_part *part) {
  if (!to->in_message)
    buf_printf(&to->log, "%s%s(", part->compressed ? "compressed " : "",
               part->is_binary ? "binary" : "text");
  buf_put(&to->log, part->data, part->len);
  to->in_message = !part->last;
  if (part->last)
    buf_puts(&to->log, ") ");
}

/* Notes in between would differ: those inside of a message are marked. */
static void record_control(struct recorder *to, const char *name,
                           const struct reader_part *part) {
  buf_printf(&to->log, to->in_message ? "[%s " : "%s(", name);
  buf_put(&to->log, part->data, part->len);
  buf_puts(&to->log, to->in_message ? "]" : ") ");
}

/* False at a fault. The bytes are in memory of their own, so that whatever
 * reads past their end is seen. */
static bool feed(struct recorder *to, const void *bytes, size_t len) {
  unsigned char *copy = malloc(len ? len : 1);
  struct reader_input input = {copy, len};
  struct reader_part part;
  enum reader_kind kind = READER_MORE;
  assert_non_null(copy);
  memcpy(copy, bytes, len);
  do {
    kind = reader_next(&to->reader, &input, &part);
    if (kind == READER_DATA)
      record_part(to, &part);
    else if (kind == READER_PING)
      record_control(to, "ping", &part);
    else if (kind == READER_PONG)
      record_control(to, "pong", &part);
    else if (kind == READER_CLOSE)
      record_control(to, "close", &part);
    else if (kind == READER_FAULT)
      buf_puts(&to->log, "fault");
  } while (kind != READER_MORE && kind != READER_FAULT);
  assert_true(kind == READER_FAULT || input.len == 0);
  free(copy);
  return kind != READER_FAULT;
}

static void check_log(struct recorder *got, const char *expected,
                      const char *how, size_t cut) {
  buf_putc(&got->log, '\0');
  if (strcmp(got->log.data, expected) != 0)
    fail_msg("%s %zu: %s", how, cut, got->log.data);
  buf_free(&got->log);
  reader_free(&got->reader);
}

/* At once, byte by byte, and in two pieces at every place. */
static void check(struct buf *stream, bool deflate, const char *expected) {
  struct recorder once = {.reader.deflate = deflate};
  feed(&once, stream->data, stream->len);
  check_log(&once, expected, "whole", stream->len);
  struct recorder bytes = {.reader.deflate = deflate};
  for (size_t i = 0; i < stream->len; i++)
    if (!feed(&bytes, stream->data + i, 1))
      break;
  check_log(&bytes, expected, "byte by byte", stream->len);
  for (size_t cut = 1; cut < stream->len; cut++) {
    struct recorder two = {.reader.deflate = deflate};
    if (feed(&two, stream->data, cut))
      feed(&two, stream->data + cut, stream->len - cut);
    check_log(&two, expected, "cut at", cut);
  }
  buf_free(stream);
}

/* --- tests -------------------------------------------------------------- */

static void messages_come_whole_and_in_fragments(void **state) {
  struct buf stream = {0};
  (void)state;
  put_frame(&stream, FIN | FRAME_TEXT, "hello");
  put_frame(&stream, FIN | FRAME_BINARY, "");
  put_frame(&stream, MORE_FRAGMENTS | FRAME_TEXT, "one ");
  put_frame(&stream, MORE_FRAGMENTS, "");
  put_frame(&stream, MORE_FRAGMENTS, "two ");
  put_frame(&stream, FIN, "three");
  put_frame(&stream, FIN | FRAME_TEXT, "after");
  check(&stream, false,
        "text(hello) binary() text(one two three) text(after) ");
}

static void control_frames_come_whole_between_fragments(void **state) {
  struct buf stream = {0};
  char expected[400], most[126] = {0};
  (void)state;
  memset(most, 'm', 125);
  put_frame(&stream, FIN | FRAME_PING, most);
  put_frame(&stream, MORE_FRAGMENTS | FRAME_BINARY, "a");
  put_frame(&stream, FIN | FRAME_PING, "p1");
  put_frame(&stream, FIN | FRAME_PONG, "");
  put_frame(&stream, FIN, "b");
  put_frame(&stream, FIN | FRAME_PONG, "p2");
  put_frame(&stream, FIN | FRAME_CLOSE, "\x03\xe8why");
  snprintf(expected, sizeof expected,
           "ping(%s) binary(a[ping p1][pong ]b) pong(p2) close(\x03\xe8why) ",
           most);
  check(&stream, false, expected);
}

static void lengths_have_three_forms(void **state) {
  struct buf stream = {0}, expected = {0};
  static char text[400];
  (void)state;
  memset(text, 't', sizeof text);
  for (size_t wide = 0; wide <= 8; wide = wide ? wide * 4 : 2)
    for (size_t len = 0; len <= sizeof text; len += 31)
      if (wide > 0 || len < 126) {
        put_frame_as(&stream, FIN | FRAME_TEXT, text, len, wide);
        buf_printf(&expected, "text(%.*s) ", (int)len, text);
      }
  buf_putc(&expected, '\0');
  check(&stream, false, expected.data);
  buf_free(&expected);
}

/* After a message, so that what is right before the fault is read. */
static void check_fault(int first, int second, bool deflate) {
  struct buf stream = {0};
  put_frame(&stream, FIN | FRAME_TEXT, "ok");
  buf_putc(&stream, (char)first);
  buf_putc(&stream, (char)second);
  buf_put(&stream, "\xff\xff\xff\xff\xff\xff\xff\xff\1\2\3\4", 12);
  check(&stream, deflate, "text(ok) fault");
}

static void what_is_no_frame_is_a_fault(void **state) {
  (void)state;
  for (int opcode = 0; opcode < 16; opcode++) {
    bool reserved = (opcode & 7) > 2;
    if (reserved)
      check_fault(FIN | opcode, MASKED | 1, true);
    check_fault(FIN | opcode, 1, true); /* no mask */
    for (int rsv = 0x10; rsv <= 0x70; rsv += 0x10)
      check_fault(FIN | rsv | opcode, MASKED | 1, false);
    check_fault(FIN | 0x50 | opcode, MASKED | 1, true);
  }
  for (int opcode = FRAME_CLOSE; opcode <= FRAME_PONG; opcode++) {
    check_fault(opcode, MASKED | 1, false); /* in fragments */
    check_fault(FIN | opcode, MASKED | 126, false);
    check_fault(FIN | opcode, MASKED | 127, false);
    check_fault(FIN | FRAME_COMPRESSED | opcode, MASKED | 1, true);
  }
  check_fault(FIN | FRAME_CONTINUATION, MASKED | 1, false);
  check_fault(FIN | FRAME_BINARY, MASKED | 127, false); /* 2^64 - 1 bytes */
}

static void messages_do_not_begin_inside_of_one(void **state) {
  (void)state;
  for (int opcode = FRAME_TEXT; opcode <= FRAME_BINARY; opcode++) {
    struct buf stream = {0};
    put_frame(&stream, FRAME_TEXT, "ok");
    put_frame(&stream, FIN | opcode, "no");
    check(&stream, false, "text(okfault");
  }
}

static void the_first_frame_says_whether_a_message_is_compressed(void **state) {
  struct buf stream = {0}, wrong = {0};
  (void)state;
  put_frame(&stream, FIN | FRAME_COMPRESSED | FRAME_TEXT, "x");
  put_frame(&stream, FIN | FRAME_TEXT, "y");
  put_frame(&stream, FRAME_COMPRESSED | FRAME_BINARY, "1");
  put_frame(&stream, FIN, "2");
  check(&stream, true, "compressed text(x) text(y) compressed binary(12) ");
  put_frame(&wrong, FRAME_COMPRESSED | FRAME_BINARY, "1");
  put_frame(&wrong, FIN | FRAME_COMPRESSED, "2");
  check(&wrong, true, "compressed binary(1fault");
}

/* A message that is too long can be refused before it comes. */
static void a_header_alone_says_how_much_follows(void **state) {
  unsigned char head[] = {
      FIN | FRAME_TEXT, MASKED | 127, 0, 0, 0, 1, 0, 0, 0, 5, 1, 2, 3, 4};
  struct reader reader = {0};
  struct reader_input input = {head, sizeof head};
  struct reader_part part;
  (void)state;
  assert_int_equal(reader_next(&reader, &input, &part), READER_DATA);
  assert_int_equal(part.len, 0);
  assert_true(part.left == ((uint64_t)1 << 32) + 5);
  assert_false(part.last);
  assert_int_equal(reader_next(&reader, &input, &part), READER_MORE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(messages_come_whole_and_in_fragments),
      cmocka_unit_test(control_frames_come_whole_between_fragments),
      cmocka_unit_test(lengths_have_three_forms),
      cmocka_unit_test(what_is_no_frame_is_a_fault),
      cmocka_unit_test(messages_do_not_begin_inside_of_one),
      cmocka_unit_test(the_first_frame_says_whether_a_message_is_compressed),
      cmocka_unit_test(a_header_alone_says_how_much_follows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
