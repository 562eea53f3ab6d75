/* SPDX-License-Identifier: MIT
 * Whether events.url answers. */
#include "events/trial.h"

#include "base/err.h"
#include "events/post.h"

enum { TRIAL_TEXT_BYTES = 200 };

struct trial {
  struct fetcher *fetcher;
  struct buf *error;
  int err;
};

static void on_trial_answer(struct fetch *fetch, void *arg) {
  struct trial *trial = arg;
  const struct fetch_result *result = fetch_result(fetch);
  char text[TRIAL_TEXT_BYTES];
  post_answer_text(result, text, sizeof text);
  if (result->code != FETCH_OK)
    buf_puts(trial->error, result->text);
  else if (post_verdict(result) != POST_TAKEN)
    buf_printf(trial->error, "it answers %d to {\"events\":[]}: %s",
               result->status, text);
  else
    trial->err = 0;
  fetch_free(fetch);
  fetcher_close(trial->fetcher);
}

static void try_on_loop(const struct config *config, uv_loop_t *loop,
                        struct trial *trial) {
  static const char nothing[] = "{\"events\":[]}";
  struct fetch_limits limits = {.at_once = 1, .ca_file = config->fetch_ca_file};
  struct fetch *fetch;
  const char *why = "libcurl does not start";
  trial->fetcher = fetcher_new(loop, &limits);
  if (!trial->fetcher ||
      post_start(trial->fetcher, config->events_url, config->events_secret,
                 nothing, sizeof nothing - 1, on_trial_answer, trial, &fetch,
                 &why) != FETCH_OK) {
    buf_puts(trial->error, why);
    fetcher_close(trial->fetcher);
  }
  uv_run(loop, UV_RUN_DEFAULT);
  fetcher_free(trial->fetcher);
}

int trial_post(const struct config *config, struct buf *error) {
  struct buf why = {0};
  struct trial trial = {.error = &why, .err = ERR_UNAVAILABLE};
  uv_loop_t loop;
  uv_loop_init(&loop);
  try_on_loop(config, &loop, &trial);
  uv_loop_close(&loop);
  if (trial.err)
    buf_printf(error, "events.url: %s: %.*s\n", config->events_url,
               (int)why.len, why.data);
  buf_free(&why);
  return trial.err;
}
