/* SPDX-License-Identifier: MIT
 * Tests of net/fetch against a server on the same loop. */
#include "net/fetch.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <netdb.h>
#include <semaphore.h>

#include "net/web_test.h"

/* --- names -------------------------------------------------------------- */

static sem_t look_up, looked_up;

/* That of the C library is not asked: libcurl's look-ups come here, in their
 * threads. No name is known, and one takes until the test says so. The names
 * that netdb.h gives the arguments are reserved ones. */
__attribute__((visibility("default")))
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int getaddrinfo(const char *node, const char *service,
                const struct addrinfo *hints, struct addrinfo **result) {
  (void)service;
  (void)hints;
  *result = NULL;
  if (node && !strcmp(node, "slow.test")) {
    sem_wait(&look_up);
    sem_post(&looked_up);
  }
  return EAI_NONAME;
}

/* --- asking ------------------------------------------------------------- */

static const struct fetch_limits roomy = {.at_once = 1000};

/* One question and its answer. */
struct question {
  struct server *server;
  struct fetch *fetch;
  char url[256];
  struct fetch_request request;
  int answers;
  struct question *frees; /* whose fetch is freed when the answer comes */
  bool ends;              /* the answer ends the fetcher */
};

static void on_done(struct fetch *fetch, void *arg) {
  struct question *question = arg;
  assert_ptr_equal(fetch, question->fetch);
  question->answers++;
  if (question->ends)
    fetcher_close(question->server->fetcher);
  if (!question->frees)
    return;
  fetch_free(question->frees->fetch);
  question->frees->fetch = NULL;
}

/* The request for a path of the server, or for a whole URL, not started. */
static void prepare(struct question *question, struct server *server,
                    const char *path) {
  *question = (struct question){.server = server};
  if (*path == '/')
    snprintf(question->url, sizeof question->url, "http://127.0.0.1:%d%s",
             server->port, path);
  else
    snprintf(question->url, sizeof question->url, "%s", path);
  question->request = (struct fetch_request){.url = question->url,
                                             .method = "GET",
                                             .timeout_ms = 30000,
                                             .connect_timeout_ms = 30000,
                                             .max_bytes = 1000,
                                             .done = on_done,
                                             .arg = question};
}

static void begin(struct question *question) {
  const char *why;
  assert_int_equal(fetch_start(question->server->fetcher, &question->request,
                               &question->fetch, &why),
                   FETCH_OK);
}

static const struct fetch_result *end(struct question *question) {
  while (!question->answers)
    uv_run(&question->server->loop, UV_RUN_ONCE);
  return fetch_result(question->fetch);
}

static const struct fetch_result *ask(struct question *question) {
  begin(question);
  return end(question);
}

static const struct fetch_result *get(struct question *question,
                                      struct server *server, const char *path) {
  prepare(question, server, path);
  return ask(question);
}

static void check_body(const struct fetch_result *result, const char *body) {
  assert_int_equal(result->code, FETCH_OK);
  assert_int_equal(result->body_len, strlen(body));
  assert_memory_equal(result->body, body, strlen(body));
}

static void check_contains(const struct fetch_result *result,
                           const char *part) {
  char *body = mem_strndup(result->body, result->body_len);
  assert_int_equal(result->code, FETCH_OK);
  if (!strstr(body, part))
    fail_msg("no \"%s\" in: %s", part, body);
  free(body);
}

/* Fails with the code, and a text that has the part in it. */
static void check_failed(const struct fetch_result *result,
                         enum fetch_code code, const char *part) {
  assert_string_equal(fetch_code_name(result->code), fetch_code_name(code));
  if (!strstr(result->text, part))
    fail_msg("no \"%s\" in: %s", part, result->text);
}

/* --- answers ------------------------------------------------------------ */

static void an_answer_has_status_headers_and_body(void **state) {
  static const char headers[] =
      "content-length\0005\0x-empty\0\0x-one\0a\0x-one\0b\0set-cookie\0c=1";
  struct server server;
  struct question question;
  (void)state;
  web_start(&server, roomy);
  const struct fetch_result *result = get(&question, &server, "/ok");
  check_body(result, "hello");
  assert_int_equal(result->status, 200);
  assert_int_equal(result->headers.len, sizeof headers);
  assert_memory_equal(result->headers.text, headers, sizeof headers);
  fetch_free(question.fetch);
  web_stop(&server);
}

static void an_answer_may_have_any_status(void **state) {
  struct server server;
  struct question question;
  (void)state;
  web_start(&server, roomy);
  check_body(get(&question, &server, "/missing"), "no");
  assert_int_equal(fetch_result(question.fetch)->status, 404);
  fetch_free(question.fetch);
  check_body(get(&question, &server, "/empty"), "");
  assert_int_equal(fetch_result(question.fetch)->status, 204);
  fetch_free(question.fetch);
  web_stop(&server);
}

static void half_an_answer_is_none(void **state) {
  struct server server;
  struct question question;
  (void)state;
  web_start(&server, roomy);
  check_failed(get(&question, &server, "/short"), FETCH_FAILED, "");
  fetch_free(question.fetch);
  check_failed(get(&question, &server, "/nonsense"), FETCH_FAILED, "");
  fetch_free(question.fetch);
  web_stop(&server);
}

static void a_body_has_a_limit(void **state) {
  struct server server;
  struct question question;
  (void)state;
  web_start(&server, roomy);
  prepare(&question, &server, "/ok");
  question.request.max_bytes = 5;
  check_body(ask(&question), "hello");
  fetch_free(question.fetch);
  prepare(&question, &server, "/ok");
  question.request.max_bytes = 4;
  check_failed(ask(&question), FETCH_TOO_LARGE, "more than 4 bytes");
  fetch_free(question.fetch);
  web_stop(&server);
}

/* --- requests ----------------------------------------------------------- */

static void a_request_says_what_it_is_told(void **state) {
  static const char headers[] = "X-Empty\0\0Authorization\0Bearer abc";
  struct server server;
  struct question question;
  (void)state;
  web_start(&server, roomy);
  prepare(&question, &server, "/echo?a=b");
  question.request.method = "PUT";
  question.request.headers = (struct fetch_headers){headers, sizeof headers};
  question.request.body = "some body";
  question.request.body_len = 9;
  question.request.body_type = "text/plain";
  const struct fetch_result *result = ask(&question);
  check_contains(result, "PUT /echo?a=b HTTP/1.1\r\n");
  check_contains(result, "\r\nX-Empty:\r\n");
  check_contains(result, "\r\nAuthorization: Bearer abc\r\n");
  check_contains(result, "\r\nContent-Type: text/plain\r\n");
  check_contains(result, "\r\nContent-Length: 9\r\n");
  check_contains(result, "\r\n\r\nsome body");
  fetch_free(question.fetch);
  web_stop(&server);
}

static void libcurl_adds_nothing_of_its_own(void **state) {
  struct server server;
  struct question question;
  char expected[256];
  (void)state;
  web_start(&server, roomy);
  prepare(&question, &server, "/echo");
  question.request.method = "POST";
  snprintf(expected, sizeof expected,
           "POST /echo HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
           "User-Agent: perigee/%s\r\nAccept: */*\r\n"
           "Content-Length: 0\r\n\r\n",
           server.port, PERIGEE_VERSION);
  check_body(ask(&question), expected);
  fetch_free(question.fetch);
  web_stop(&server);
}

static void redirects_are_followed_when_asked_for(void **state) {
  struct server server;
  struct question question;
  (void)state;
  web_start(&server, roomy);
  check_body(get(&question, &server, "/moved"), "gone");
  assert_int_equal(fetch_result(question.fetch)->status, 302);
  fetch_free(question.fetch);
  prepare(&question, &server, "/moved");
  question.request.redirects = 1;
  check_body(ask(&question), "hello");
  assert_int_equal(fetch_result(question.fetch)->status, 200);
  fetch_free(question.fetch);
  server.requests = 0;
  prepare(&question, &server, "/loop");
  question.request.redirects = 3;
  check_failed(ask(&question), FETCH_FAILED, "redirects");
  assert_int_equal(server.requests, 4);
  fetch_free(question.fetch);
  prepare(&question, &server, "/file");
  question.request.redirects = 1;
  check_failed(ask(&question), FETCH_FAILED, "file");
  fetch_free(question.fetch);
  web_stop(&server);
}

static void only_web_addresses_are_asked(void **state) {
  static const char *const urls[] = {
      "",
      "/path",
      "example.com",
      "file:///etc/passwd",
      "ftp://127.0.0.1/",
      "http://",
      "http://a b/",
      "http://127.0.0.1:99999/",
      "http://user:secret@:80/",
      "http://user:secret/word@127.0.0.1/",
      "http://127.0.0.1/a\r\nX-Evil: 1",
  };
  struct server server;
  (void)state;
  web_start(&server, roomy);
  for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
    struct question question;
    const char *why = NULL;
    prepare(&question, &server, "/");
    question.request.url = urls[i];
    if (fetch_start(server.fetcher, &question.request, &question.fetch, &why) !=
        FETCH_BAD_URL)
      fail_msg("not refused: %s", urls[i]);
    assert_non_null(why);
    assert_null(strstr(why, "secret"));
  }
  web_stop(&server);
}

static void a_connection_is_used_again(void **state) {
  struct server server;
  struct question question;
  (void)state;
  web_start(&server, roomy);
  for (int i = 0; i < 3; i++) {
    check_body(get(&question, &server, "/ok"), "hello");
    fetch_free(question.fetch);
  }
  assert_int_equal(server.accepted, 1);
  web_stop(&server);
}

/* --- when nobody answers ------------------------------------------------ */

static void a_server_that_says_nothing_times_out(void **state) {
  struct server server;
  struct question question;
  (void)state;
  web_start(&server, roomy);
  prepare(&question, &server, "/hang");
  question.request.timeout_ms = 50;
  check_failed(ask(&question), FETCH_TIMEOUT, "0.05 s");
  fetch_free(question.fetch);
  web_stop(&server);
}

/* libcurl itself would forget the second one. */
static void waiting_for_a_connection_times_out(void **state) {
  struct server server;
  struct question first, second, third;
  (void)state;
  web_start(&server, (struct fetch_limits){.at_once = 10, .per_host = 1});
  prepare(&first, &server, "/hang");
  begin(&first);
  while (server.accepted == 0)
    uv_run(&server.loop, UV_RUN_ONCE);
  prepare(&second, &server, "/ok");
  second.request.timeout_ms = 50;
  prepare(&third, &server, "/ok");
  begin(&third);
  check_failed(ask(&second), FETCH_TIMEOUT, "0.05 s");
  assert_int_equal(first.answers + third.answers, 0);
  assert_int_equal(server.accepted, 1);
  fetch_free(first.fetch);
  check_body(end(&third), "hello");
  fetch_free(second.fetch);
  fetch_free(third.fetch);
  web_stop(&server);
}

static void the_least_time_left_counts(void **state) {
  static const uint64_t times[] = {30000, 80, 40, 60};
  struct server server;
  struct question questions[ARRAY_SIZE(times)];
  (void)state;
  web_start(&server, roomy);
  for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
    prepare(&questions[i], &server, "/hang");
    questions[i].request.timeout_ms = times[i];
    begin(&questions[i]);
  }
  check_failed(end(&questions[2]), FETCH_TIMEOUT, "0.04 s");
  check_failed(end(&questions[3]), FETCH_TIMEOUT, "0.06 s");
  check_failed(end(&questions[1]), FETCH_TIMEOUT, "0.08 s");
  assert_int_equal(questions[0].answers, 0);
  for (size_t i = 0; i < ARRAY_SIZE(times); i++)
    fetch_free(questions[i].fetch);
  web_stop(&server);
}

static void a_port_where_nobody_listens_refuses(void **state) {
  struct server server, other;
  struct question question;
  (void)state;
  web_start(&server, roomy);
  web_start(&other, roomy);
  int port = other.port;
  web_stop(&other);
  prepare(&question, &server, "/");
  snprintf(question.url, sizeof question.url, "http://127.0.0.1:%d/", port);
  check_failed(ask(&question), FETCH_REFUSED, "127.0.0.1");
  fetch_free(question.fetch);
  web_stop(&server);
}

static void a_name_that_nobody_knows(void **state) {
  struct server server;
  struct question question;
  (void)state;
  web_start(&server, roomy);
  prepare(&question, &server, "http://user:secret@unknown.test/");
  check_failed(ask(&question), FETCH_DNS, "unknown.test");
  assert_null(strstr(fetch_result(question.fetch)->text, "secret"));
  fetch_free(question.fetch);
  web_stop(&server);
}

/* The thread of the look-up goes on; the loop does not wait for it. */
static void a_slow_look_up_holds_nobody(void **state) {
  struct server server;
  struct question slow, other;
  (void)state;
  web_start(&server, roomy);
  sem_init(&look_up, 0, 0);
  sem_init(&looked_up, 0, 0);
  prepare(&slow, &server, "http://slow.test/");
  slow.request.timeout_ms = 50;
  begin(&slow);
  check_body(get(&other, &server, "/ok"), "hello");
  check_failed(end(&slow), FETCH_TIMEOUT, "0.05 s");
  fetch_free(slow.fetch);
  fetch_free(other.fetch);
  web_stop(&server);
  sem_post(&look_up);
  sem_wait(&looked_up); /* not before: nobody has waited for it */
}

static void a_server_without_tls(void **state) {
  struct server server;
  struct question question;
  (void)state;
  web_start(&server, roomy);
  prepare(&question, &server, "/ok");
  snprintf(question.url, sizeof question.url, "https://127.0.0.1:%d/ok",
           server.port);
  begin(&question);
  while (server.accepted == 0)
    uv_run(&server.loop, UV_RUN_ONCE);
  LIST_FOREACH (it, &server.peers)
    web_answer(container_of(it, struct peer, node), "HTTP/1.1 400 No\r\n\r\n",
               19);
  check_failed(end(&question), FETCH_TLS, "");
  fetch_free(question.fetch);
  web_stop(&server);
}

/* --- many of them, and the end ------------------------------------------ */

static void so_many_at_once_and_not_more(void **state) {
  struct server server;
  struct question questions[3];
  const char *why;
  (void)state;
  web_start(&server, (struct fetch_limits){.at_once = 2});
  for (int i = 0; i < 3; i++)
    prepare(&questions[i], &server, "/hang");
  begin(&questions[0]);
  begin(&questions[1]);
  assert_int_equal(fetch_start(server.fetcher, &questions[2].request,
                               &questions[2].fetch, &why),
                   FETCH_TOO_MANY);
  assert_non_null(strstr(why, "fetch.at_once"));
  fetch_free(questions[0].fetch);
  begin(&questions[2]);
  fetch_free(questions[1].fetch);
  fetch_free(questions[2].fetch);
  web_stop(&server);
}

static void a_hundred_wait_side_by_side(void **state) {
  enum { COUNT = 100 };
  struct server server;
  static struct question questions[COUNT];
  (void)state;
  web_start(&server, roomy);
  for (int i = 0; i < COUNT; i++) {
    prepare(&questions[i], &server, "/hang");
    begin(&questions[i]);
  }
  while (server.requests < COUNT)
    uv_run(&server.loop, UV_RUN_ONCE);
  LIST_FOREACH (it, &server.peers) {
    const char *late = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate";
    web_answer(container_of(it, struct peer, node), late, strlen(late));
  }
  for (int i = 0; i < COUNT; i++) {
    check_body(end(&questions[i]), "late");
    fetch_free(questions[i].fetch);
  }
  web_stop(&server);
}

static void a_fetch_may_be_freed_at_any_time(void **state) {
  struct server server;
  struct question first, second, third;
  (void)state;
  web_start(&server, roomy);
  prepare(&first, &server, "/hang");
  prepare(&second, &server, "/hang");
  prepare(&third, &server, "/ok");
  first.request.timeout_ms = second.request.timeout_ms = 50;
  first.frees = &second; /* late as well, but freed before it is told */
  third.frees = &third;
  begin(&first);
  begin(&second);
  begin(&third);
  fetch_free(NULL);
  while (!first.answers || !third.answers)
    uv_run(&server.loop, UV_RUN_ONCE);
  assert_int_equal(second.answers, 0);
  fetch_free(first.fetch);
  web_stop(&server);
}

static void the_end_comes_while_requests_are_under_way(void **state) {
  struct server server;
  struct question connected, waiting, kept;
  (void)state;
  web_start(&server, roomy);
  check_body(get(&kept, &server, "/ok"), "hello");
  prepare(&connected, &server, "/hang");
  begin(&connected);
  while (server.requests < 2)
    uv_run(&server.loop, UV_RUN_ONCE);
  prepare(&waiting, &server, "http://unknown.test/");
  begin(&waiting);
  web_stop(&server);
  assert_int_equal(connected.answers + waiting.answers, 0);
  check_failed(fetch_result(connected.fetch), FETCH_FAILED, "ending");
  check_body(fetch_result(kept.fetch), "hello");
  fetch_free(connected.fetch);
  fetch_free(waiting.fetch);
  fetch_free(kept.fetch);
}

/* The last answer may be what the end has waited for. */
static void an_answer_may_bring_the_end(void **state) {
  static const char *const paths[] = {"/ok", "/hang"};
  (void)state;
  for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
    struct server server;
    struct question first, second;
    web_start(&server, roomy);
    prepare(&first, &server, paths[i]);
    prepare(&second, &server, paths[i]);
    first.ends = true;
    first.request.timeout_ms = second.request.timeout_ms = 500;
    begin(&first);
    begin(&second);
    end(&first);
    web_stop_rest(&server);
    assert_true(second.answers == 0 || i == 0);
    fetch_free(first.fetch);
    fetch_free(second.fetch);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_answer_has_status_headers_and_body),
      cmocka_unit_test(an_answer_may_have_any_status),
      cmocka_unit_test(half_an_answer_is_none),
      cmocka_unit_test(a_body_has_a_limit),
      cmocka_unit_test(a_request_says_what_it_is_told),
      cmocka_unit_test(libcurl_adds_nothing_of_its_own),
      cmocka_unit_test(redirects_are_followed_when_asked_for),
      cmocka_unit_test(only_web_addresses_are_asked),
      cmocka_unit_test(a_connection_is_used_again),
      cmocka_unit_test(a_server_that_says_nothing_times_out),
      cmocka_unit_test(waiting_for_a_connection_times_out),
      cmocka_unit_test(the_least_time_left_counts),
      cmocka_unit_test(a_port_where_nobody_listens_refuses),
      cmocka_unit_test(a_name_that_nobody_knows),
      cmocka_unit_test(a_slow_look_up_holds_nobody),
      cmocka_unit_test(a_server_without_tls),
      cmocka_unit_test(so_many_at_once_and_not_more),
      cmocka_unit_test(a_hundred_wait_side_by_side),
      cmocka_unit_test(a_fetch_may_be_freed_at_any_time),
      cmocka_unit_test(the_end_comes_while_requests_are_under_way),
      cmocka_unit_test(an_answer_may_bring_the_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
