/* SPDX-License-Identifier: MIT
 * What came of a run. */
#include "load/report.h"

#include "base/attr.h"
#include "base/utf8.h"
#include "load/text.h"
#include "wire/json.h"

#include <inttypes.h>
#include <string.h>

/* Of a core, or of the time. A generator that has so little left measures
 * itself; a server that has is as fast as it can be. */
static const double BUSY = 0.9;

static const struct {
  const char *name, *key;
  double part;
} quantiles[] = {{"p50", "p50_us", 0.5},
                 {"p90", "p90_us", 0.9},
                 {"p99", "p99_us", 0.99},
                 {"p99.9", "p999_us", 0.999}};

static double per(double value, double by) {
  return by > 0 ? value / by : 0;
}

static uint64_t lost(const struct outcome *outcome) {
  return outcome->expected > outcome->delivered
             ? outcome->expected - outcome->delivered
             : 0;
}

static bool is_open_loop(const struct plan *plan) {
  return plan->rate > 0 && plan->scenario != PLAN_IDLE;
}

/* A loop that is busy with less than a core had to share it with others. */
static bool generator_is_busy(const struct outcome *outcome) {
  return outcome->generator_cores > BUSY || outcome->generator_busy > BUSY;
}

static double bytes_per_connection(const struct plan *plan,
                                   const struct outcome *outcome) {
  return outcome->connected > plan->first
             ? outcome->server_bytes / (outcome->connected - plan->first)
             : 0;
}

/* --- for people --------------------------------------------------------- */

static void put_heading(const struct plan *plan, struct buf *out) {
  buf_printf(out, "%s: %u connections", plan_scenario_name(plan->scenario),
             plan->connections);
  if (plan_rooms(plan) > 1)
    buf_printf(out, " in %u rooms", plan_rooms(plan));
  if (plan->first)
    buf_printf(out, ", after %u others", plan->first);
  if (plan->active)
    buf_printf(out, ", %u of them active", plan->active);
  else if (plan_has_traffic(plan) && plan->senders != plan->connections)
    buf_printf(out, ", %u sender%s", plan->senders,
               plan->senders == 1 ? "" : "s");
  if (is_open_loop(plan))
    buf_printf(out, ", %g a second", plan->rate);
  else if (plan_has_traffic(plan))
    buf_printf(out, ", %u in flight%s", plan->window,
               plan->active ? "" : " for each");
  if (plan_has_traffic(plan) && plan->scenario != PLAN_SCRIPT)
    buf_printf(out, ", %u bytes", plan->bytes);
  buf_puts(out, "\n\n");
}

static void put_messages(const struct plan *plan, const struct outcome *outcome,
                         struct buf *out) {
  char a[TEXT_BYTES], b[TEXT_BYTES], c[TEXT_BYTES], d[TEXT_BYTES];
  bool storm = plan->scenario == PLAN_STORM;
  double rate = per((double)outcome->arrived, outcome->measured_s);
  buf_printf(out, "  %-13s%s/s  (%s in %.2f s; %s %s, %s lost)\n",
             storm ? "connects" : "deliveries",
             text_count(a, (uint64_t)(rate + 0.5)),
             text_count(b, outcome->arrived), outcome->measured_s,
             text_count(c, outcome->sent), storm ? "begun" : "sent",
             text_count(d, lost(outcome)));
  if (lost(outcome) > 0)
    buf_printf(out,
               "  %-13swhat is lost did not arrive within %g s, and is "
               "not in the latencies\n",
               "", plan->timeout_s);
  if (outcome->pushed > 0)
    buf_printf(out, "  %-13s%s other messages\n", "",
               text_count(a, outcome->pushed));
}

static void put_latency(const struct plan *plan, const struct outcome *outcome,
                        struct buf *out) {
  char text[TEXT_BYTES];
  if (outcome->latency.count == 0)
    return;
  buf_printf(out, "  %-13s", "latency");
  for (size_t i = 0; i < ARRAY_SIZE(quantiles); i++)
    buf_printf(out, "%s %s  ", quantiles[i].name,
               text_time(text, (double)hist_quantile(&outcome->latency,
                                                     quantiles[i].part)));
  buf_printf(out, "max %s\n", text_time(text, (double)outcome->latency.max));
  if (plan->once)
    return;
  buf_printf(out, "  %-13s%s\n", "",
             is_open_loop(plan)
                 ? "open loop: counted from when a message was due, so that a "
                   "stall shows in all it held up"
                 : "closed loop: counted from the sending; what a stall holds "
                   "up is not sent: see --rate");
}

static void put_server(const struct plan *plan, const struct outcome *outcome,
                       struct buf *out) {
  double cpu_us = outcome->server_cpu_s * 1e6;
  double cores = per(outcome->server_cpu_s, outcome->measured_s);
  if (!outcome->knows_server)
    return;
  buf_printf(out, "  %-13s", "server");
  if (outcome->arrived > 0)
    buf_printf(out, "%.2f us CPU per %s, ",
               per(cpu_us, (double)outcome->arrived),
               plan->scenario == PLAN_STORM ? "connect" : "delivery");
  buf_printf(out, "%.2f of a core%s", cores,
             cores > BUSY ? " (all of it)" : "");
  if (outcome->connected > 0)
    buf_printf(out, ", %.1f KiB per connection",
               bytes_per_connection(plan, outcome) / 1024);
  buf_putc(out, '\n');
}

static void put_generator(const struct outcome *outcome, struct buf *out) {
  char text[TEXT_BYTES];
  buf_printf(out, "  %-13s%.2f of a core, its loop busy %.0f %% of the time\n",
             "generator", outcome->generator_cores,
             outcome->generator_busy * 100);
  if (generator_is_busy(outcome))
    buf_printf(out,
               "  %-13sthe generator was the bottleneck: the server can "
               "do more, and latencies are too high\n",
               "");
  /* What became due in the last moment is no reason for a remark. */
  if (outcome->behind > 1 + outcome->sent / 1000)
    buf_printf(out,
               "  %-13s%s were due and never sent, and are not in the "
               "latencies: lower --rate\n",
               "", text_count(text, outcome->behind));
}

static void put_errors(const struct outcome *outcome, struct buf *out) {
  const struct tally *errors = &outcome->errors;
  char text[TEXT_BYTES];
  buf_printf(out, "  %-13s%s\n", "errors",
             errors->total ? text_count(text, errors->total) : "none");
  for (unsigned i = 0; i < errors->kinds; i++)
    buf_printf(out, "  %-13s%s  %s\n", "",
               text_count(text, errors->kind[i].count), errors->kind[i].name);
}

void report_text(const struct plan *plan, const struct outcome *outcome,
                 struct buf *out) {
  char text[TEXT_BYTES];
  put_heading(plan, out);
  if (plan->scenario != PLAN_IDLE)
    put_messages(plan, outcome, out);
  put_latency(plan, outcome, out);
  if (plan->scenario != PLAN_STORM)
    buf_printf(out, "  %-13s%s in %.2f s (%.0f/s)\n", "connected",
               text_count(text, outcome->connected), outcome->connecting_s,
               per(outcome->connected, outcome->connecting_s));
  put_server(plan, outcome, out);
  put_generator(outcome, out);
  put_errors(outcome, out);
}

/* --- for programs ------------------------------------------------------- */

/* Names and reasons may come from outside, and may have been cut. */
static void put_json_text(const char *text, struct buf *out) {
  size_t len = strlen(text);
  while (!utf8_valid(text, len))
    len--;
  json_put_string(out, text, len);
}

static void put_json_errors(const struct tally *errors, struct buf *out) {
  buf_puts(out, "\"errors\":{");
  for (unsigned i = 0; i < errors->kinds; i++) {
    if (i > 0)
      buf_putc(out, ',');
    put_json_text(errors->kind[i].name, out);
    buf_printf(out, ":%" PRIu64, errors->kind[i].count);
  }
  buf_puts(out, "},");
}

static unsigned senders_of(const struct plan *plan) {
  if (!plan_has_traffic(plan))
    return 0;
  return plan->active ? plan->active : plan->senders;
}

static void put_json_plan(const struct plan *plan, struct buf *out) {
  buf_printf(out,
             "\"scenario\":\"%s\",\"dialect\":\"%s\","
             "\"connections\":%u,\"first\":%u,\"senders\":%u,"
             "\"active\":%u,"
             "\"rooms\":%u,\"window\":%u,\"rate\":%.17g,\"bytes\":%u,"
             "\"loop\":\"%s\",",
             plan_scenario_name(plan->scenario), plan->dialect->name,
             plan->connections, plan->first, senders_of(plan), plan->active,
             plan_rooms(plan), plan->window, plan->rate, plan->bytes,
             is_open_loop(plan) ? "open" : "closed");
}

static void put_json_latency(const struct hist *latency, struct buf *out) {
  buf_puts(out, "\"latency\":{");
  for (size_t i = 0; i < ARRAY_SIZE(quantiles); i++)
    buf_printf(out, "\"%s\":%.3f,", quantiles[i].key,
               (double)hist_quantile(latency, quantiles[i].part) / 1e3);
  buf_printf(out, "\"max_us\":%.3f},", (double)latency->max / 1e3);
}

static void put_json_server(const struct plan *plan,
                            const struct outcome *outcome, struct buf *out) {
  if (!outcome->knows_server) {
    buf_puts(out, "\"server\":null,");
    return;
  }
  buf_printf(out,
             "\"server\":{\"cpu_s\":%.6f,\"cores\":%.4f,"
             "\"cpu_us_per_delivery\":%.4f,\"bytes_per_connection\":%.0f},",
             outcome->server_cpu_s,
             per(outcome->server_cpu_s, outcome->measured_s),
             per(outcome->server_cpu_s * 1e6, (double)outcome->arrived),
             bytes_per_connection(plan, outcome));
}

void report_json(const struct plan *plan, const struct outcome *outcome,
                 struct buf *out) {
  buf_putc(out, '{');
  put_json_plan(plan, out);
  buf_printf(
      out,
      "\"sent\":%" PRIu64 ",\"expected\":%" PRIu64 ",\"delivered\":%" PRIu64
      ",\"lost\":%" PRIu64 ",\"behind\":%" PRIu64 ",\"arrived\":%" PRIu64
      ",\"pushed\":%" PRIu64 ",\"seconds\":%.6f,\"per_s\":%.3f,",
      outcome->sent, outcome->expected, outcome->delivered, lost(outcome),
      outcome->behind, outcome->arrived, outcome->pushed, outcome->measured_s,
      per((double)outcome->arrived, outcome->measured_s));
  put_json_latency(&outcome->latency, out);
  buf_printf(out,
             "\"connected\":%u,\"connecting_s\":%.6f,\"connects_per_s\":%.3f,",
             outcome->connected, outcome->connecting_s,
             per(outcome->connected, outcome->connecting_s));
  put_json_server(plan, outcome, out);
  put_json_errors(&outcome->errors, out);
  buf_printf(out,
             "\"generator\":{\"cores\":%.4f,\"busy\":%.4f,\"bottleneck\":%s},",
             outcome->generator_cores, outcome->generator_busy,
             generator_is_busy(outcome) ? "true" : "false");
  buf_printf(out, "\"interrupted\":%s,\"problem\":",
             outcome->interrupted ? "true" : "false");
  if (outcome->why[0])
    put_json_text(outcome->why, out);
  else
    buf_puts(out, "null");
  buf_puts(out, "}\n");
}
