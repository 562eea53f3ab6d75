/* SPDX-License-Identifier: MIT
 * How long things take. */
#include "engine/timings.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

/* Upper ends of the buckets, in nanoseconds: 0.1 ms to 10 s. */
static const uint64_t bounds_ns[TIMING_BOUNDS] = {
    100000,    250000,    500000,     1000000,    2500000,
    5000000,   10000000,  25000000,   50000000,   100000000,
    250000000, 500000000, 1000000000, 2500000000, 10000000000};

/* One line of families. */
struct timing_kind {
  const char *metric, *label, *help;
};

static const struct timing_kind kinds[TIMING_FAMILIES] = {
#define TIMINGS_KIND(name, metric, label, help) {metric, label, help},
    TIMINGS_MAP(TIMINGS_KIND)
#undef TIMINGS_KIND
};

struct timing_series {
  enum timing_family family;
  struct timing_series *next;
  struct timing *of_workers;
  char label[];
};

struct timings {
  uv_mutex_t
      lock; /* of the list; what is in it is never freed before the end */
  struct timing_series *first;
  int workers;
  unsigned types;
};

struct timings *timings_new(int workers) {
  struct timings *timings = mem_alloc(sizeof *timings);
  uv_mutex_init(&timings->lock);
  timings->workers = workers;
  return timings;
}

void timings_free(struct timings *timings) {
  if (!timings)
    return;
  while (timings->first) {
    struct timing_series *series = timings->first;
    timings->first = series->next;
    mem_free(series->of_workers);
    mem_free(series);
  }
  uv_mutex_destroy(&timings->lock);
  mem_free(timings);
}

static struct timing_series *find_series(struct timings *timings,
                                         enum timing_family family,
                                         const char *label) {
  struct timing_series *it = timings->first;
  while (it && (it->family != family || strcmp(it->label, label) != 0))
    it = it->next;
  return it;
}

static struct timing_series *add_series(struct timings *timings,
                                        enum timing_family family,
                                        const char *label) {
  size_t len = strlen(label);
  struct timing_series *series = mem_alloc(sizeof *series + len + 1);
  memcpy(series->label, label, len);
  series->family = family;
  series->of_workers =
      mem_alloc((size_t)timings->workers * sizeof *series->of_workers);
  series->next = timings->first;
  timings->first = series;
  return series;
}

struct timing *timings_of(struct timings *timings, enum timing_family family,
                          int worker, const char *label) {
  uv_mutex_lock(&timings->lock);
  struct timing_series *series = find_series(timings, family, label);
  if (!series && *label && timings->types == TIMINGS_TYPES_MAX) {
    label = "other";
    series = find_series(timings, family, label);
  } else if (!series) {
    timings->types += *label != 0;
  }
  if (!series)
    series = add_series(timings, family, label);
  uv_mutex_unlock(&timings->lock);
  return &series->of_workers[worker - 1];
}

/* A plain addition: nobody else writes here. */
static void add_to(_Atomic uint64_t *at, uint64_t more) {
  atomic_store_explicit(at,
                        atomic_load_explicit(at, memory_order_relaxed) + more,
                        memory_order_relaxed);
}

void timing_note(struct timing *timing, uint64_t ns, uint64_t times) {
  size_t bucket = 0;
  while (bucket < TIMING_BOUNDS && ns > bounds_ns[bucket])
    bucket++;
  add_to(&timing->counts[bucket], times);
  add_to(&timing->sum_ns, ns * times);
}

/* --- printing ------------------------------------------------------------- */

static uint64_t sum_of_bucket(const struct timings *timings,
                              const struct timing_series *series,
                              size_t bucket) {
  uint64_t sum = 0;
  for (int i = 0; i < timings->workers; i++)
    sum += atomic_load_explicit(&series->of_workers[i].counts[bucket],
                                memory_order_relaxed);
  return sum;
}

static double sum_of_seconds(const struct timings *timings,
                             const struct timing_series *series) {
  uint64_t sum = 0;
  for (int i = 0; i < timings->workers; i++)
    sum += atomic_load_explicit(&series->of_workers[i].sum_ns,
                                memory_order_relaxed);
  return (double)sum / 1e9;
}

/* Message types have no character that would have to be escaped. */
static void print_timing(const struct timings *timings,
                         const struct timing_series *series, struct buf *out) {
  const struct timing_kind *kind = &kinds[series->family];
  char label[128] = "";
  uint64_t count = 0;
  if (*kind->label)
    snprintf(label, sizeof label, "%s=\"%.90s\"", kind->label, series->label);
  for (size_t i = 0; i <= TIMING_BOUNDS; i++) {
    char bound[32] = "+Inf";
    if (i < TIMING_BOUNDS)
      snprintf(bound, sizeof bound, "%g", (double)bounds_ns[i] / 1e9);
    count += sum_of_bucket(timings, series, i);
    buf_printf(out, "%s_bucket{%s%sle=\"%s\"} %llu\n", kind->metric, label,
               *label ? "," : "", bound, (unsigned long long)count);
  }
  const char *open = *label ? "{" : "", *close = *label ? "}" : "";
  buf_printf(out, "%s_sum%s%s%s %.9g\n", kind->metric, open, label, close,
             sum_of_seconds(timings, series));
  buf_printf(out, "%s_count%s%s%s %llu\n", kind->metric, open, label, close,
             (unsigned long long)count);
}

void timings_print(struct timings *timings, struct buf *out) {
  uv_mutex_lock(&timings->lock);
  for (int family = 0; family < TIMING_FAMILIES; family++) {
    buf_printf(out, "# HELP %s %s\n# TYPE %s histogram\n", kinds[family].metric,
               kinds[family].help, kinds[family].metric);
    for (struct timing_series *it = timings->first; it; it = it->next)
      if ((int)it->family == family)
        print_timing(timings, it, out);
  }
  uv_mutex_unlock(&timings->lock);
}

/* Labels are message types and names of hooks: nothing is to be escaped. */
static void put_timing_json(const struct timings *timings,
                            const struct timing_series *series,
                            struct buf *out) {
  buf_printf(out, "\"%s\":[", series->label);
  for (size_t i = 0; i <= TIMING_BOUNDS; i++)
    buf_printf(out, "%s%llu", i > 0 ? "," : "",
               (unsigned long long)sum_of_bucket(timings, series, i));
  buf_puts(out, "],");
}

static void put_family_json(const struct timings *timings, int family,
                            const char *name, struct buf *out) {
  buf_printf(out, ",\"%s\":{", name);
  for (struct timing_series *it = timings->first; it; it = it->next)
    if ((int)it->family == family)
      put_timing_json(timings, it, out);
  if (out->data[out->len - 1] == ',')
    out->len--;
  buf_putc(out, '}');
}

void timings_print_json(struct timings *timings, struct buf *out) {
  static const char *const names[TIMING_FAMILIES] = {
      [TIMING_HANDLER] = "handlers",
      [TIMING_TURN] = "turns",
      [TIMING_DELIVERY] = "deliveries"};
  buf_puts(out, "{\"bounds_s\":[");
  for (size_t i = 0; i < TIMING_BOUNDS; i++)
    buf_printf(out, "%s%g", i > 0 ? "," : "", (double)bounds_ns[i] / 1e9);
  buf_putc(out, ']');
  uv_mutex_lock(&timings->lock);
  for (int family = 0; family < TIMING_FAMILIES; family++)
    put_family_json(timings, family, names[family], out);
  uv_mutex_unlock(&timings->lock);
  buf_putc(out, '}');
}
