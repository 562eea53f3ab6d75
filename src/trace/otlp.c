/* SPDX-License-Identifier: MIT
 * Spans for a collector. */
#include "trace/otlp.h"

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/collector.h"
#include "net/fetch.h"
#include "net/retry.h"

#include <time.h>

enum {
  GATHER_MS = 1000,
  REQUEST_MS = 10000,
  CONNECT_MS = 3000,
  ANSWER_BYTES = 64 * 1024,
  LAST_MS = 3000, /* at the end of the process */
  TOLD_MS = 10000,
};

struct otlp_batch {
  struct list node;
  struct buf spans; /* each behind a comma */
  unsigned count;
};

struct otlp {
  const struct config *config; /* a holder */
  struct buf url, headers, head, body;
  struct fetcher *fetcher;
  struct fetch *fetch;          /* under way; NULL: none */
  struct otlp_batch *in_flight; /* of it */
  unsigned failures;            /* in a row */
  bool told;                    /* the log has heard of one of these */
  uint64_t told_ms;             /* when the log heard of one; loop time */
  uv_timer_t gather, again, last;
  uv_async_t full;
  bool started, ending, closed;
  uv_mutex_t lock; /* of: */
  struct list waiting;
  size_t bytes;
  _Atomic uint64_t sent, dropped, left_out, requests, failed;
};

static void send_spans(struct otlp *otlp, bool all);

/* --- what waits --------------------------------------------------------- */

static bool is_batch_full(const struct otlp_batch *batch) {
  return batch->count >= OTLP_BATCH_SPANS ||
         batch->spans.len >= OTLP_BATCH_BYTES;
}

static void free_otlp_batch(struct otlp_batch *batch) {
  buf_free(&batch->spans);
  mem_free(batch);
}

/* Takes the oldest one; NULL: there is none. Under the lock. */
static struct otlp_batch *shift_batch(struct otlp *otlp) {
  struct list *node = list_shift(&otlp->waiting);
  if (!node)
    return NULL;
  struct otlp_batch *batch = container_of(node, struct otlp_batch, node);
  otlp->bytes -= batch->spans.len;
  return batch;
}

static void drop_batch(struct otlp *otlp, struct otlp_batch *batch) {
  otlp->dropped += batch->count;
  free_otlp_batch(batch);
}

static struct otlp_batch *batch_with_room(struct otlp *otlp) {
  struct otlp_batch *batch;
  if (!list_empty(&otlp->waiting)) {
    batch = container_of(otlp->waiting.prev, struct otlp_batch, node);
    if (!is_batch_full(batch))
      return batch;
  }
  batch = mem_alloc(sizeof *batch);
  list_init(&batch->node);
  list_push(&otlp->waiting, &batch->node);
  return batch;
}

void otlp_add(struct otlp *otlp, const struct buf *span) {
  bool full;
  uv_mutex_lock(&otlp->lock);
  while (otlp->bytes > 0 && otlp->bytes + span->len + 1 > OTLP_QUEUE_BYTES)
    drop_batch(otlp, shift_batch(otlp));
  struct otlp_batch *batch = batch_with_room(otlp);
  buf_putc(&batch->spans, ',');
  buf_put(&batch->spans, span->data, span->len);
  batch->count++;
  otlp->bytes += span->len + 1;
  full = is_batch_full(batch);
  uv_mutex_unlock(&otlp->lock);
  if (full)
    uv_async_send(&otlp->full);
}

void otlp_leave_out(struct otlp *otlp) {
  otlp->left_out++;
}

/* The next batch to be sent; one that may still grow only with `all`. */
static struct otlp_batch *take_spans(struct otlp *otlp, bool all) {
  struct otlp_batch *batch = NULL;
  uv_mutex_lock(&otlp->lock);
  if (!list_empty(&otlp->waiting) &&
      (all || is_batch_full(
                  container_of(otlp->waiting.next, struct otlp_batch, node))))
    batch = shift_batch(otlp);
  uv_mutex_unlock(&otlp->lock);
  return batch;
}

/* --- answers ------------------------------------------------------------ */

static bool may_tell_failure(struct otlp *otlp) {
  uint64_t now = uv_now(otlp->gather.loop);
  if (otlp->told_ms && now - otlp->told_ms < TOLD_MS)
    return false;
  otlp->told_ms = now;
  return true;
}

static void tell_otlp_failure(struct otlp *otlp,
                              const struct fetch_result *result,
                              const char *what) {
  otlp->failed++;
  if (!may_tell_failure(otlp))
    return;
  otlp->told = true;
  if (result->code == FETCH_OK)
    log_warn("trace.otlp: %.*s answers %d: %s",
             collector_url_len(otlp->url.data), otlp->url.data, result->status,
             what);
  else
    log_warn("trace.otlp: %.*s: %s: %s", collector_url_len(otlp->url.data),
             otlp->url.data, result->text, what);
}

/* The collector has answered 2xx, and may still have refused some. */
static void take_otlp_answer(struct otlp *otlp, const struct otlp_batch *batch,
                             const struct fetch_result *result) {
  struct slice why;
  uint64_t rejected =
      otlp_read_rejected((struct slice){result->body, result->body_len}, &why);
  if (rejected > batch->count)
    rejected = batch->count;
  otlp->sent += batch->count - rejected;
  otlp->dropped += rejected;
  if (otlp->told)
    log_info("trace.otlp: %.*s takes spans again",
             collector_url_len(otlp->url.data), otlp->url.data);
  otlp->failures = 0;
  otlp->told = false;
  if (rejected > 0 && may_tell_failure(otlp))
    log_warn("trace.otlp: %.*s has refused spans=%llu: %.*s",
             collector_url_len(otlp->url.data), otlp->url.data,
             (unsigned long long)rejected, why.len < 300 ? (int)why.len : 300,
             why.at);
}

/* What the specification calls retryable. */
static bool is_worth_another(const struct fetch_result *result) {
  int status = result->status;
  if (result->code != FETCH_OK)
    return result->code != FETCH_TOO_LARGE;
  return status == 429 || (status >= 502 && status <= 504);
}

static void on_otlp_again(uv_timer_t *timer) {
  send_spans(container_of(timer, struct otlp, again), true);
}

static void try_batch_again(struct otlp *otlp, struct otlp_batch *batch,
                            const struct fetch_result *result) {
  uint64_t told = retry_after_ms(result, (int64_t)time(NULL));
  uint64_t wait = retry_wait_ms(++otlp->failures);
  tell_otlp_failure(otlp, result, "tried again");
  uv_mutex_lock(&otlp->lock);
  list_push(otlp->waiting.next, &batch->node);
  otlp->bytes += batch->spans.len;
  uv_mutex_unlock(&otlp->lock);
  uv_timer_start(&otlp->again, on_otlp_again, told > wait ? told : wait, 0);
}

static void take_result(struct otlp *otlp, struct otlp_batch *batch,
                        const struct fetch_result *result) {
  bool ok =
      result->code == FETCH_OK && result->status >= 200 && result->status < 300;
  if (ok) {
    take_otlp_answer(otlp, batch, result);
    free_otlp_batch(batch);
  } else if (is_worth_another(result) && !otlp->ending) {
    try_batch_again(otlp, batch, result);
  } else {
    tell_otlp_failure(otlp, result, "spans are lost");
    drop_batch(otlp, batch);
  }
}

/* --- requests ----------------------------------------------------------- */

static void close_otlp(struct otlp *otlp) {
  if (otlp->closed)
    return;
  otlp->closed = true;
  if (otlp->fetcher)
    fetcher_close(otlp->fetcher);
  uv_close((uv_handle_t *)&otlp->gather, NULL);
  uv_close((uv_handle_t *)&otlp->again, NULL);
  uv_close((uv_handle_t *)&otlp->last, NULL);
  uv_close((uv_handle_t *)&otlp->full, NULL);
}

static void on_spans_sent(struct fetch *fetch, void *arg) {
  struct otlp *otlp = arg;
  struct otlp_batch *batch = otlp->in_flight;
  otlp->in_flight = NULL;
  take_result(otlp, batch, fetch_result(fetch));
  fetch_free(fetch);
  otlp->fetch = NULL;
  send_spans(otlp, otlp->ending);
}

static void start_request(struct otlp *otlp, struct otlp_batch *batch) {
  struct buf *body = &otlp->body;
  const char *why;
  buf_reset(body, OTLP_BATCH_BYTES);
  buf_put(body, otlp->head.data, otlp->head.len);
  buf_put(body, batch->spans.data + 1, batch->spans.len - 1);
  otlp_put_tail(body);
  struct fetch_request request = {
      .url = otlp->url.data,
      .method = "POST",
      .headers = {otlp->headers.data, otlp->headers.len},
      .body = body->data,
      .body_len = body->len,
      .body_type = "application/json",
      .timeout_ms = REQUEST_MS,
      .connect_timeout_ms = CONNECT_MS,
      .max_bytes = ANSWER_BYTES,
      .done = on_spans_sent,
      .arg = otlp,
  };
  otlp->requests++;
  otlp->in_flight = batch;
  enum fetch_code code =
      fetch_start(otlp->fetcher, &request, &otlp->fetch, &why);
  if (code == FETCH_OK)
    return;
  otlp->in_flight = NULL;
  take_result(otlp, batch, &(struct fetch_result){.code = code, .text = why});
}

static void send_spans(struct otlp *otlp, bool all) {
  struct otlp_batch *batch;
  if (otlp->closed || otlp->fetch || uv_is_active((uv_handle_t *)&otlp->again))
    return;
  while (!otlp->fetch && !uv_is_active((uv_handle_t *)&otlp->again) &&
         (batch = take_spans(otlp, all)))
    start_request(otlp, batch);
  if (otlp->ending && !otlp->fetch)
    close_otlp(otlp);
}

static void on_gather(uv_timer_t *timer) {
  send_spans(container_of(timer, struct otlp, gather), true);
}

static void on_batch_full(uv_async_t *async) {
  send_spans(container_of(async, struct otlp, full), false);
}

/* --- life --------------------------------------------------------------- */

struct otlp *otlp_new(const struct config *config) {
  static const char agent[] = "User-Agent\0perigee/" PERIGEE_VERSION;
  struct otlp *otlp = mem_alloc(sizeof *otlp);
  otlp->config = config_ref(config);
  list_init(&otlp->waiting);
  uv_mutex_init(&otlp->lock);
  collector_put_url(&otlp->url, config->trace_otlp);
  buf_put(&otlp->headers, agent, sizeof agent);
  (void)collector_put_headers(&otlp->headers, config->trace_headers);
  return otlp;
}

void otlp_start(struct otlp *otlp, uv_loop_t *loop,
                const struct otlp_resource *resource) {
  struct fetch_limits limits = {.at_once = 1,
                                .ca_file = otlp->config->fetch_ca_file};
  otlp_put_head(&otlp->head, resource);
  uv_timer_init(loop, &otlp->gather);
  uv_timer_init(loop, &otlp->again);
  uv_timer_init(loop, &otlp->last);
  uv_async_init(loop, &otlp->full, on_batch_full);
  otlp->started = true;
  otlp->fetcher = fetcher_new(loop, &limits);
  if (otlp->fetcher)
    uv_timer_start(&otlp->gather, on_gather, GATHER_MS, GATHER_MS);
  else
    log_error("trace.otlp: libcurl does not start: no span is sent");
}

static void on_last(uv_timer_t *timer) {
  struct otlp *otlp = container_of(timer, struct otlp, last);
  log_warn("trace.otlp: %.*s has not taken the last spans in time",
           collector_url_len(otlp->url.data), otlp->url.data);
  close_otlp(otlp);
}

void otlp_end(struct otlp *otlp) {
  if (!otlp->started || otlp->ending)
    return;
  otlp->ending = true;
  if (!otlp->fetcher) {
    close_otlp(otlp);
    return;
  }
  uv_timer_stop(&otlp->again);
  uv_timer_start(&otlp->last, on_last, LAST_MS, 0);
  send_spans(otlp, true);
}

void otlp_free(struct otlp *otlp) {
  struct otlp_batch *batch;
  if (!otlp)
    return;
  fetch_free(otlp->fetch);
  if (otlp->in_flight)
    free_otlp_batch(otlp->in_flight);
  while ((batch = shift_batch(otlp)))
    free_otlp_batch(batch);
  fetcher_free(otlp->fetcher);
  buf_free(&otlp->url);
  buf_free(&otlp->headers);
  buf_free(&otlp->head);
  buf_free(&otlp->body);
  uv_mutex_destroy(&otlp->lock);
  config_free(otlp->config);
  mem_free(otlp);
}

/* --- figures ------------------------------------------------------------ */

static void print_otlp_figure(struct buf *out, const char *name,
                              const char *help, uint64_t value) {
  buf_printf(out,
             "# HELP perigee_otlp_%s_total %s\n"
             "# TYPE perigee_otlp_%s_total counter\n"
             "perigee_otlp_%s_total %llu\n",
             name, help, name, name, (unsigned long long)value);
}

static size_t waiting_bytes(struct otlp *otlp) {
  uv_mutex_lock(&otlp->lock);
  size_t bytes = otlp->bytes;
  uv_mutex_unlock(&otlp->lock);
  return bytes;
}

void otlp_print(struct otlp *otlp, struct buf *out) {
  buf_printf(out,
             "# HELP perigee_otlp_waiting_bytes of spans that wait for the "
             "collector\n"
             "# TYPE perigee_otlp_waiting_bytes gauge\n"
             "perigee_otlp_waiting_bytes %zu\n",
             waiting_bytes(otlp));
  print_otlp_figure(out, "sent", "spans that the collector has taken",
                    otlp->sent);
  print_otlp_figure(out, "dropped",
                    "spans lost: too many waited, or the collector refused "
                    "them",
                    otlp->dropped);
  print_otlp_figure(out, "left_out",
                    "deliveries and sends past the bounds of their message",
                    otlp->left_out);
  print_otlp_figure(out, "requests", "requests to the collector",
                    otlp->requests);
  print_otlp_figure(out, "failed", "of these: answered with an error, or not",
                    otlp->failed);
}
