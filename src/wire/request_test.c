/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/request.h"

#include <stdio.h>
#include <string.h>

static struct request request;
static struct request_fault fault;

static bool read_text(const char *text, size_t len) {
  fault = (struct request_fault){0};
  return request_read(&request, text, len, &fault);
}

/* The status of a head; 200 if it is taken. */
static unsigned status(const char *head) {
  size_t len = request_length(head, strlen(head), 0);
  assert_int_equal(len, strlen(head));
  bool taken = read_text(head, len);
  assert_int_equal(taken, fault.status == 0);
  if (!taken)
    assert_int_equal(fault.text[strlen(fault.text) - 1], '\n');
  return taken ? 200 : fault.status;
}

#define GET  "GET /a?b=c HTTP/1.1\r\n"
#define HOST "Host: a.example:80\r\n"

static void takes_what_is_right(void **state) {
  (void)state;
  static const char *const heads[] = {
      GET HOST "\r\n",
      "\r\n\r\n" GET HOST "\r\n", /* 2.2 */
      "GET / HTTP/1.0\r\n\r\n",
      "GET / HTTP/1.1\r\nHost:\r\n\r\n",
      "HEAD / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
      "GET /~a/%20;x='[]?q={}|\"^` HTTP/1.1\r\n" HOST "\r\n",
      "OPTIONS * HTTP/1.1\r\n" HOST "\r\n",
      "CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n",
      GET HOST "X: \t a\tb \x80\xff \t\r\n\r\n",
      GET HOST "X:\r\n\r\n",
      GET HOST "Cookie: a=1\r\nCookie: b=2\r\n\r\n",
      GET HOST "Content-Length: 0\r\n\r\n",
      GET HOST "Transfer-Encoding: Chunked\r\n\r\n",
  };
  for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
    if (status(heads[i]) != 200)
      fail_msg("%s: %s", heads[i], fault.text);
}

static void refuses_what_is_wrong(void **state) {
  (void)state;
  static const struct {
    unsigned status;
    const char *head;
  } heads[] = {
      {400, "GET / HTTP/1.1\r\n\r\n"},
      {400, GET HOST HOST "\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"},
      {400, "GET / ICE/1.0\r\n" HOST "\r\n"},
      {505, "GET / HTTP/2.0\r\n" HOST "\r\n"},
      {505, "PRI * HTTP/2.0\r\n\r\n"},
      {400, "GET / HTTP/1.1 \r\n" HOST "\r\n"},
      {400, "GET / HTTP/11\r\n" HOST "\r\n"},
      {400, "GET / http/1.1\r\n" HOST "\r\n"},
      {400, "GET  / HTTP/1.1\r\n" HOST "\r\n"},
      {400, "GET /\r\n" HOST "\r\n"},
      {400, "GET /\tHTTP/1.1\r\n" HOST "\r\n"},
      {400, "GET a HTTP/1.1\r\n" HOST "\r\n"},
      {400, "GET * HTTP/1.1\r\n" HOST "\r\n"},
      {400, "GET /a#b HTTP/1.1\r\n" HOST "\r\n"},
      {400, "GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n"},
      {400, "GET /% HTTP/1.1\r\n" HOST "\r\n"},
      {400, "GET /a?b=%4 HTTP/1.1\r\n" HOST "\r\n"},
      {400, "GET /%4g HTTP/1.1\r\n" HOST "\r\n"},
      {400, "GET /%00 HTTP/1.1\r\n" HOST "\r\n"},
      {400, "GET http:/// HTTP/1.1\r\n" HOST "\r\n"},
      {400, "GET http:///a HTTP/1.1\r\n" HOST "\r\n"},
      {400, "GET http://u@a/ HTTP/1.1\r\n" HOST "\r\n"},
      {400, "GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n"},
      {400, "G\x01T / HTTP/1.1\r\n" HOST "\r\n"},
      {501, "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\n" HOST "\r\n"},
      {400, "GET / HTTP/1.1\n" HOST "\r\n"},
      {400, GET "Host: a\n\r\n"},
      {400, GET HOST "\n"},
      {400, GET HOST "X: 1\rY: 2\r\n\r\n"},
      {400, GET HOST "X : 1\r\n\r\n"},
      {400, GET HOST "X\r\n\r\n"},
      {400, GET HOST ": 1\r\n\r\n"},
      {400, GET HOST " X: 1\r\n\r\n"},
      {400, GET " X: 1\r\n" HOST "\r\n"},
      {400, GET HOST "X: 1\r\n 2\r\n\r\n"},
      {400, GET HOST "X\x01: 1\r\n\r\n"},
      {400, GET HOST "X: \x01\r\n\r\n"},
      {400, GET HOST "X: \x7f\r\n\r\n"},
      {400, GET HOST "Content-Length: x\r\n\r\n"},
      {400, GET HOST "Content-Length: -1\r\n\r\n"},
      {400, GET HOST "Content-Length: +1\r\n\r\n"},
      {400, GET HOST "Content-Length: 1, 1\r\n\r\n"},
      {400, GET HOST "Content-Length:\r\n\r\n"},
      {400, GET HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"},
      {400, GET HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {501, GET HOST "Transfer-Encoding: gzip, chunked\r\n\r\n"},
      {400, "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {400, GET HOST "Origin: a\r\nORIGIN: a\r\n\r\n"},
      {400, GET HOST "Sec-WebSocket-Key: a\r\nSec-WebSocket-Key: a\r\n\r\n"},
  };
  for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
    unsigned got = status(heads[i].head);
    if (got != heads[i].status)
      fail_msg("%s: %u %s", heads[i].head, got, fault.text);
  }
}

static void names_other_protocols(void **state) {
  static const char v2[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11";
  (void)state;
  assert_int_equal(request_length(v2, sizeof v2 - 1, 0), sizeof v2 - 1);
  assert_false(read_text(v2, sizeof v2 - 1));
  assert_non_null(strstr(fault.text, "PROXY protocol"));
  assert_int_equal(
      status("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" GET HOST "\r\n"), 400);
  assert_non_null(strstr(fault.text, "PROXY protocol"));
  assert_false(read_text("\x16\x03\x01", 3));
  assert_non_null(strstr(fault.text, "TLS"));
}

static void refuses_zeros(void **state) {
  static const char head[] = GET HOST "X: \0\r\n\r\n";
  (void)state;
  assert_false(read_text(head, sizeof head - 1));
  assert_int_equal(fault.status, 400);
}

static void expect(struct slice slice, const char *text) {
  assert_true(slice_equals(slice, text));
}

static void has_the_parts(void **state) {
  (void)state;
  assert_int_equal(status("POST /a/b?c=d?e HTTP/1.1\r\n" HOST
                          "Content-Length: 12\r\nX-A:  1 \r\n\r\n"),
                   200);
  expect(request.method, "POST");
  expect(request.path, "/a/b");
  expect(request.query, "c=d?e");
  expect(request.host, "a.example:80");
  expect(*request_field(&request, "x-a"), "1");
  assert_null(request_field(&request, "x-b"));
  assert_int_equal(request.minor, 1);
  assert_int_equal(request.length, 12);
  assert_int_equal(status(GET HOST "Content-Length: 99999999999999999999999"
                                   "\r\n\r\n"),
                   200);
  assert_int_equal(request.length, SIZE_MAX);
  assert_int_equal(status("GET / HTTP/1.0\r\n\r\n"), 200);
  assert_false(request.has_host);
  assert_int_equal(request.minor, 0);
}

static void takes_the_host_from_an_absolute_target(void **state) {
  (void)state;
  static const struct {
    const char *head, *host, *path, *query;
  } heads[] = {
      {"GET http://b.example:81/x?y HTTP/1.1\r\n" HOST "\r\n", "b.example:81",
       "/x", "y"},
      {"GET HTTPS://b.example HTTP/1.1\r\n" HOST "\r\n", "b.example", "/", ""},
      {"GET ws://[::1]?y HTTP/1.1\r\n" HOST "\r\n", "[::1]", "/", "y"},
  };
  for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
    assert_int_equal(status(heads[i].head), 200);
    expect(request.host, heads[i].host);
    expect(request.path, heads[i].path);
    expect(request.query, heads[i].query);
  }
}

static void finds_words_and_joins_lines(void **state) {
  char out[16];
  (void)state;
  assert_int_equal(status(GET HOST "Connection: keep-alive ,Upgrade\r\n"
                                   "connection: x\r\nCookie: a=1\r\n"
                                   "Cookie:\r\nCookie: b=2\r\n\r\n"),
                   200);
  assert_true(request_has_word(&request, "connection", "upgrade"));
  assert_true(request_has_word(&request, "connection", "X"));
  assert_false(request_has_word(&request, "connection", "grade"));
  assert_int_equal(request_join(&request, "cookie", "; ", out, sizeof out), 8);
  assert_string_equal(out, "a=1; b=2");
  assert_int_equal(request_join(&request, "cookie", "; ", out, 8), 8);
  assert_string_equal(out, "");
  assert_int_equal(request_join(&request, "x", "; ", out, sizeof out), 0);
}

static void ends_with_the_empty_line(void **state) {
  static const char two[] = GET HOST "\r\n" GET;
  const size_t one = sizeof GET HOST "\r\n" - 1;
  (void)state;
  for (size_t seen = 0; seen < one; seen++)
    for (size_t len = seen; len < sizeof two - 1; len++)
      assert_int_equal(request_length(two, len, seen), len < one ? 0 : one);
  assert_int_equal(request_length("\x16\x03", 2, 0), 2);
  assert_int_equal(request_length(" ", 1, 0), 1);
  assert_int_equal(request_length("\r\n\r\n", 4, 0), 0);
  assert_int_equal(request_length("a\n\n", 3, 0), 3);
  assert_int_equal(request_length("\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n", 17, 0),
                   17);
}

static void has_an_end(void **state) {
  static char head[REQUEST_BYTES_MAX], more[REQUEST_BYTES_MAX + 2];
  (void)state;
  memset(more, 'a', REQUEST_BYTES_MAX);
  memcpy(more + REQUEST_BYTES_MAX, "\r\n", 2);
  assert_false(read_text(more, sizeof more));
  assert_int_equal(fault.status, 414);
  memset(head, 'a', sizeof head);
  assert_int_equal(request_length(head, sizeof head - 1, 0), 0);
  assert_int_equal(request_length(head, sizeof head, 0), sizeof head);
  assert_false(read_text(head, sizeof head));
  assert_int_equal(fault.status, 414);
  memcpy(head, GET, sizeof GET - 1);
  assert_false(read_text(head, sizeof head));
  assert_int_equal(fault.status, 431);
  int len = snprintf(head, sizeof head, GET HOST);
  for (int i = 0; i < REQUEST_FIELDS_MAX; i++)
    len += snprintf(head + len, sizeof head - (size_t)len, "A: 1\r\n");
  snprintf(head + len, sizeof head - (size_t)len, "\r\n");
  assert_int_equal(status(head), 431);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(takes_what_is_right),
      cmocka_unit_test(refuses_what_is_wrong),
      cmocka_unit_test(names_other_protocols),
      cmocka_unit_test(refuses_zeros),
      cmocka_unit_test(has_the_parts),
      cmocka_unit_test(takes_the_host_from_an_absolute_target),
      cmocka_unit_test(finds_words_and_joins_lines),
      cmocka_unit_test(ends_with_the_empty_line),
      cmocka_unit_test(has_an_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
