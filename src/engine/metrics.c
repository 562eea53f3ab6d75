/* SPDX-License-Identifier: MIT
 * Metrics of scripts. */
#include "engine/metrics.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

#include "base/hash.h"
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <uv.h>

/* Upper ends of the buckets of every histogram: from a millisecond to half a
 * minute, if the values are seconds. */
static const double bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                0.25,  0.5,    1,     2.5,  5,     10,   30};

enum { BOUNDS = ARRAY_SIZE(bounds) };

struct histogram {
  uint64_t counts[BOUNDS + 1]; /* each its own; the last is past all bounds */
};

struct series {
  UT_hash_handle hh;
  double value;                /* of a histogram: the sum */
  struct histogram *histogram; /* NULL for other kinds */
  char labels[];
};

struct family {
  UT_hash_handle hh;
  enum metrics_kind kind;
  struct series *series;
  char name[];
};

struct metrics {
  uv_mutex_t lock;
  struct family *families;
  unsigned count; /* of series in all families */
  bool told;      /* that there are too many */
};

/* --- names and labels --------------------------------------------------- */

static bool has_form(const char *name, const char *first) {
  static const char digits[] = "0123456789";
  if (!*name || strlen(name) > METRICS_NAME_BYTES || !strchr(first, *name))
    return false;
  for (; *name; name++)
    if (!strchr(first, *name) && !strchr(digits, *name))
      return false;
  return true;
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"

bool metrics_name_ok(const char *name) {
  return has_form(name, LETTERS ":") && strncmp(name, "perigee_", 8) != 0 &&
         strncmp(name, "process_", 8) != 0;
}

bool metrics_label_ok(const char *name) {
  return has_form(name, LETTERS) && strncmp(name, "__", 2) != 0 &&
         strcmp(name, "le") != 0;
}

static int compare_labels(const void *a, const void *b) {
  const struct metrics_label *x = a, *y = b;
  return strcmp(x->name, y->name);
}

/* Puts `text` at *at; false when it does not fit before `end`. */
static bool put_label_bytes(char **at, const char *end, const char *text,
                            size_t len) {
  if (len > (size_t)(end - *at))
    return false;
  memcpy(*at, text, len);
  *at += len;
  return true;
}

static bool put_label_value(char **at, const char *end,
                            const struct metrics_label *label) {
  for (size_t i = 0; i < label->len; i++) {
    const char *c = &label->value[i];
    bool ok = *c == '\n'                ? put_label_bytes(at, end, "\\n", 2)
              : *c == '"' || *c == '\\' ? put_label_bytes(at, end, "\\", 1) &&
                                              put_label_bytes(at, end, c, 1)
                                        : put_label_bytes(at, end, c, 1);
    if (!ok)
      return false;
  }
  return true;
}

int metrics_labels(struct metrics_label *labels, size_t count,
                   char out[METRICS_LABELS_BYTES]) {
  char *at = out;
  const char *end = out + METRICS_LABELS_BYTES - 1;
  if (count > 0)
    qsort(labels, count, sizeof *labels, compare_labels);
  for (size_t i = 0; i < count; i++)
    if (!put_label_bytes(&at, end, ",", i > 0) ||
        !put_label_bytes(&at, end, labels[i].name, strlen(labels[i].name)) ||
        !put_label_bytes(&at, end, "=\"", 2) ||
        !put_label_value(&at, end, &labels[i]) ||
        !put_label_bytes(&at, end, "\"", 1))
      return ERR_TOO_LARGE;
  *at = 0;
  return 0;
}

/* --- noting ------------------------------------------------------------- */

static struct family *get_family(struct metrics *metrics,
                                 enum metrics_kind kind, const char *name) {
  struct family *family;
  size_t len = strlen(name);
  HASH_FIND(hh, metrics->families, name, len, family);
  if (!family) {
    family = mem_alloc(sizeof *family + len + 1);
    family->kind = kind;
    memcpy(family->name, name, len);
    HASH_ADD_KEYPTR(hh, metrics->families, family->name, len, family);
  }
  return family;
}

static struct series *new_series(struct family *family, const char *labels) {
  size_t len = strlen(labels);
  struct series *series = mem_alloc(sizeof *series + len + 1);
  memcpy(series->labels, labels, len);
  if (family->kind == METRICS_HISTOGRAM)
    series->histogram = mem_alloc(sizeof *series->histogram);
  HASH_ADD_KEYPTR(hh, family->series, series->labels, len, series);
  return series;
}

static void tell_once(struct metrics *metrics, const char *name) {
  if (!metrics->told)
    log_warn("perigee.metrics: more than %d series, new ones are dropped; the "
             "first is %s: does one of its labels come from clients?",
             METRICS_SERIES_MAX, name);
  metrics->told = true;
}

static void note_sample(struct series *series, enum metrics_kind kind,
                        double value) {
  size_t bucket = 0;
  switch (kind) {
  case METRICS_GAUGE:
    series->value = value;
    return;
  case METRICS_HISTOGRAM:
    while (bucket < BOUNDS && value > bounds[bucket])
      bucket++;
    series->histogram->counts[bucket]++;
    break;
  case METRICS_COUNTER:
    break;
  }
  series->value += value;
}

/* Under the lock. */
static int note_in(struct metrics *metrics, enum metrics_kind kind,
                   const char *name, const char *labels, double value) {
  struct family *family;
  struct series *series = NULL;
  HASH_FIND(hh, metrics->families, name, strlen(name), family);
  if (family && family->kind != kind)
    return ERR_BAD_REQUEST;
  if (family)
    HASH_FIND(hh, family->series, labels, strlen(labels), series);
  if (!series && metrics->count == METRICS_SERIES_MAX) {
    tell_once(metrics, name);
    return ERR_FULL;
  }
  if (!series) {
    series = new_series(get_family(metrics, kind, name), labels);
    metrics->count++;
  }
  note_sample(series, kind, value);
  return 0;
}

int metrics_note(struct metrics *metrics, enum metrics_kind kind,
                 const char *name, const char *labels, double value) {
  uv_mutex_lock(&metrics->lock);
  int err = note_in(metrics, kind, name, labels, value);
  uv_mutex_unlock(&metrics->lock);
  return err;
}

/* --- printing ----------------------------------------------------------- */

static void print_value(struct buf *out, double value) {
  if (isinf(value)) /* a sum of large values may become it */
    buf_puts(out, value > 0 ? "+Inf\n" : "-Inf\n");
  else if (fabs(value) < 1e15 && value == floor(value))
    buf_printf(out, "%.0f\n", value);
  else
    buf_printf(out, "%.17g\n", value);
}

/* "name{labels} " or "name " */
static void print_series_name(struct buf *out, const struct family *family,
                              const char *suffix, const char *labels) {
  buf_printf(out, *labels ? "%s%s{%s} " : "%s%s%s ", family->name, suffix,
             labels);
}

static void print_histogram(struct buf *out, const struct family *family,
                            const struct series *series) {
  const char *labels = series->labels, *comma = *labels ? "," : "";
  uint64_t sum = 0;
  for (size_t i = 0; i <= BOUNDS; i++) {
    char bound[32] = "+Inf";
    if (i < BOUNDS)
      snprintf(bound, sizeof bound, "%g", bounds[i]);
    sum += series->histogram->counts[i];
    buf_printf(out, "%s_bucket{%s%sle=\"%s\"} %llu\n", family->name, labels,
               comma, bound, (unsigned long long)sum);
  }
  print_series_name(out, family, "_sum", labels);
  print_value(out, series->value);
  print_series_name(out, family, "_count", labels);
  buf_printf(out, "%llu\n", (unsigned long long)sum);
}

static void print_family(struct buf *out, const struct family *family) {
  static const char *const kinds[] = {"counter", "gauge", "histogram"};
  const struct series *series = family->series;
  buf_printf(out, "# TYPE %s %s\n", family->name, kinds[family->kind]);
  for (; series; series = series->hh.next) {
    if (series->histogram) {
      print_histogram(out, family, series);
      continue;
    }
    print_series_name(out, family, "", series->labels);
    print_value(out, series->value);
  }
}

void metrics_print(struct metrics *metrics, struct buf *out) {
  uv_mutex_lock(&metrics->lock);
  for (const struct family *it = metrics->families; it; it = it->hh.next)
    print_family(out, it);
  uv_mutex_unlock(&metrics->lock);
}

/* --- life --------------------------------------------------------------- */

struct metrics *metrics_new(void) {
  struct metrics *metrics = mem_alloc(sizeof *metrics);
  uv_mutex_init(&metrics->lock);
  return metrics;
}

static void free_family(struct family *family) {
  struct series *series = NULL, *next = NULL;
  HASH_ITER (hh, family->series, series, next) {
    HASH_DEL(family->series, series);
    mem_free(series->histogram);
    mem_free(series);
  }
  mem_free(family);
}

void metrics_free(struct metrics *metrics) {
  struct family *family = NULL, *next = NULL;
  if (!metrics)
    return;
  HASH_ITER (hh, metrics->families, family, next) {
    HASH_DEL(metrics->families, family);
    free_family(family);
  }
  uv_mutex_destroy(&metrics->lock);
  mem_free(metrics);
}
