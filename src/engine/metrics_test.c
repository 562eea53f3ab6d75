/* SPDX-License-Identifier: MIT
 * Tests of engine/metrics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "engine/metrics.h"

#include <math.h>
#include <stdio.h>

static struct metrics *metrics;

static int setup(void **state) {
  (void)state;
  metrics = metrics_new();
  return 0;
}

static int teardown(void **state) {
  (void)state;
  metrics_free(metrics);
  return 0;
}

static void assert_prints(const char *expected) {
  struct buf out = {0};
  metrics_print(metrics, &out);
  buf_putc(&out, 0);
  assert_string_equal(out.data, expected);
  buf_free(&out);
}

static void note(enum metrics_kind kind, const char *name, const char *labels,
                 double value) {
  assert_int_equal(metrics_note(metrics, kind, name, labels, value), 0);
}

static void nothing_prints_nothing(void **state) {
  (void)state;
  assert_prints("");
}

static void a_counter_adds_and_a_gauge_is_set(void **state) {
  (void)state;
  note(METRICS_COUNTER, "lines_total", "", 1);
  note(METRICS_GAUGE, "level", "", 7);
  note(METRICS_COUNTER, "lines_total", "", 2.5);
  note(METRICS_GAUGE, "level", "", -3);
  assert_prints("# TYPE lines_total counter\nlines_total 3.5\n"
                "# TYPE level gauge\nlevel -3\n");
}

static void lines_of_one_family_stand_together(void **state) {
  (void)state;
  note(METRICS_COUNTER, "a", "x=\"1\"", 1);
  note(METRICS_COUNTER, "b", "", 1);
  note(METRICS_COUNTER, "a", "x=\"2\"", 1);
  note(METRICS_COUNTER, "a", "x=\"1\"", 1);
  assert_prints("# TYPE a counter\na{x=\"1\"} 2\na{x=\"2\"} 1\n"
                "# TYPE b counter\nb 1\n");
}

static void a_histogram_counts_up_to_each_bound(void **state) {
  struct buf out = {0};
  (void)state;
  note(METRICS_HISTOGRAM, "t", "k=\"v\"", 0.001);
  note(METRICS_HISTOGRAM, "t", "k=\"v\"", 0.3);
  note(METRICS_HISTOGRAM, "t", "k=\"v\"", 100);
  metrics_print(metrics, &out);
  buf_putc(&out, 0);
  assert_non_null(strstr(out.data, "t_bucket{k=\"v\",le=\"0.001\"} 1\n"));
  assert_non_null(strstr(out.data, "t_bucket{k=\"v\",le=\"0.25\"} 1\n"));
  assert_non_null(strstr(out.data, "t_bucket{k=\"v\",le=\"0.5\"} 2\n"));
  assert_non_null(strstr(out.data, "t_bucket{k=\"v\",le=\"30\"} 2\n"));
  assert_non_null(strstr(out.data, "t_bucket{k=\"v\",le=\"+Inf\"} 3\n"));
  assert_non_null(strstr(out.data, "t_sum{k=\"v\"} 100.301"));
  assert_non_null(strstr(out.data, "t_count{k=\"v\"} 3\n"));
  buf_free(&out);
}

static void a_name_has_one_kind(void **state) {
  (void)state;
  note(METRICS_COUNTER, "a", "", 1);
  assert_int_equal(metrics_note(metrics, METRICS_GAUGE, "a", "x=\"1\"", 1),
                   ERR_BAD_REQUEST);
  assert_prints("# TYPE a counter\na 1\n");
}

static void series_are_bounded_and_those_that_are_there_go_on(void **state) {
  char labels[32];
  (void)state;
  for (int i = 0; i < METRICS_SERIES_MAX; i++) {
    snprintf(labels, sizeof labels, "i=\"%d\"", i);
    note(METRICS_COUNTER, "a", labels, 1);
  }
  assert_int_equal(metrics_note(metrics, METRICS_COUNTER, "a", "", 1),
                   ERR_FULL);
  assert_int_equal(metrics_note(metrics, METRICS_COUNTER, "b", "", 1),
                   ERR_FULL);
  note(METRICS_COUNTER, "a", "i=\"0\"", 1);
}

static void labels_are_sorted_and_escaped(void **state) {
  char out[METRICS_LABELS_BYTES];
  struct metrics_label labels[] = {{"b", "x\"y\\z\n", 6}, {"a", "", 0}};
  (void)state;
  assert_int_equal(metrics_labels(labels, 2, out), 0);
  assert_string_equal(out, "a=\"\",b=\"x\\\"y\\\\z\\n\"");
  assert_int_equal(metrics_labels(NULL, 0, out), 0);
  assert_string_equal(out, "");
}

/* Every length up to one that is far too long: none writes past the end. */
static void labels_that_do_not_fit_are_refused(void **state) {
  char text[METRICS_LABELS_BYTES + 8];
  (void)state;
  memset(text, '"', sizeof text); /* each takes two bytes */
  for (size_t len = 0; len <= sizeof text; len++) {
    char out[METRICS_LABELS_BYTES];
    struct metrics_label label = {"a", text, len};
    bool fits = 4 + 2 * len < sizeof out;
    assert_int_equal(metrics_labels(&label, 1, out), fits ? 0 : ERR_TOO_LARGE);
    if (fits)
      assert_int_equal(strlen(out), 4 + 2 * len);
  }
}

static void names_have_the_form_of_prometheus(void **state) {
  (void)state;
  assert_true(metrics_name_ok("chat_lines_total"));
  assert_true(metrics_name_ok("app:x9"));
  assert_false(metrics_name_ok(""));
  assert_false(metrics_name_ok("9x"));
  assert_false(metrics_name_ok("a b"));
  assert_false(metrics_name_ok("a-b"));
  assert_false(metrics_name_ok("perigee_x"));
  assert_false(metrics_name_ok("process_x"));
  assert_true(metrics_label_ok("room"));
  assert_false(metrics_label_ok("a:b"));
  assert_false(metrics_label_ok("__x"));
  assert_false(metrics_label_ok("le"));
}

static void a_sum_without_end_prints(void **state) {
  (void)state;
  note(METRICS_COUNTER, "a", "", 1e308);
  note(METRICS_COUNTER, "a", "", 1e308);
  assert_prints("# TYPE a counter\na +Inf\n");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(nothing_prints_nothing),
      TEST(a_counter_adds_and_a_gauge_is_set),
      TEST(lines_of_one_family_stand_together),
      TEST(a_histogram_counts_up_to_each_bound),
      TEST(a_name_has_one_kind),
      TEST(series_are_bounded_and_those_that_are_there_go_on),
      TEST(labels_are_sorted_and_escaped),
      TEST(labels_that_do_not_fit_are_refused),
      TEST(names_have_the_form_of_prometheus),
      TEST(a_sum_without_end_prints),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
