/* SPDX-License-Identifier: MIT
 * The call `batch`. */
#include "api/batch.h"

#include "base/mem.h"
#include "wire/json.h"

#include <string.h>

enum { CALL_NAME_BYTES = 64 };

void batch_free(struct batch *batch) {
  buf_free(&batch->line);
}

static void put_line_problem(const struct batch_run *run,
                             const struct problem *problem) {
  problem_put(run->out, problem);
  buf_putc(run->out, '\n');
}

/* The value of `call`, which tells how to read the others. The line is JSON; a
 * name with escapes is none of ours. Empty if there is none. */
static struct slice name_of_call(struct slice line) {
  struct json_scan scan = {line.at, line.at + line.len};
  struct json_string key, value;
  json_skip_space(&scan);
  int more = scan.at < scan.end && *scan.at == '{' ? json_enter(&scan, '}') : 0;
  while (more > 0) {
    if (json_scan_key(&scan, &key))
      break;
    bool is_name = slice_equals((struct slice){key.text, key.len}, "call");
    if (is_name && scan.at < scan.end && *scan.at == '"')
      return json_scan_string(&scan, &value)
                 ? (struct slice){"", 0}
                 : (struct slice){value.text, value.len};
    if (json_skip_value(&scan, 1))
      break;
    more = json_next(&scan, '}');
  }
  return (struct slice){"", 0};
}

/* The call that the line means: `send` if it names none. */
static const struct api_call *call_of_line(struct slice line,
                                           struct problem *problem) {
  struct slice name = name_of_call(line);
  if (name.len == 0)
    name = (struct slice){"send", 4};
  const struct api_call *call = api_call_named(name);
  if (call && call->in_batch)
    return call;
  problem_set(problem, ERR_NOT_FOUND,
              "`call` is none that a batch makes: send, close, join, leave");
  return NULL;
}

static bool make_batch_call(const struct batch_run *run,
                            const struct api_call *call, struct slice line,
                            struct problem *problem) {
  struct api_args *args = mem_alloc(sizeof *args);
  struct api_wants wants = call->wants;
  wants.takes |= API_HAS(CALL);
  bool done = api_call_allowed(call, run->context->key, run->groups, problem) &&
              api_args_read(args, &wants, line, run->scratch, problem) &&
              call->run(run->context, args, run->out, problem);
  mem_free(args);
  return done;
}

static bool is_blank_line(struct slice line) {
  for (size_t i = 0; i < line.len; i++)
    if (!slice_is_blank(line.at[i]) && line.at[i] != '\r')
      return false;
  return true;
}

static void take_batch_line(const struct batch_run *run, struct slice line) {
  struct problem problem;
  if (is_blank_line(line))
    return;
  const struct api_call *call = call_of_line(line, &problem);
  bool done = call && make_batch_call(run, call, line, &problem);
  if (done)
    buf_putc(run->out, '\n');
  else
    put_line_problem(run, &problem);
  if (call && run->made)
    run->made(run->arg, call, done);
}

/* The end of a line of which the begin was kept. */
static void take_kept_line(struct batch *batch, const struct batch_run *run,
                           struct slice end) {
  struct problem problem;
  if (batch->too_long || batch->line.len + end.len > run->line_max) {
    problem_set(&problem, ERR_TOO_LARGE,
                "the line is longer than http.body_bytes, %zu", run->line_max);
    put_line_problem(run, &problem);
  } else if (batch->line.len == 0) {
    take_batch_line(run, end);
  } else {
    buf_put(&batch->line, end.at, end.len);
    take_batch_line(run, (struct slice){batch->line.data, batch->line.len});
  }
  batch->too_long = false;
  buf_reset(&batch->line, 4096);
}

static void keep_begin(struct batch *batch, const struct batch_run *run,
                       struct slice begin) {
  batch->too_long |= batch->line.len + begin.len > run->line_max;
  if (!batch->too_long)
    buf_put(&batch->line, begin.at, begin.len);
}

void batch_take(struct batch *batch, const struct batch_run *run,
                struct slice piece) {
  while (piece.len > 0) {
    const char *newline = memchr(piece.at, '\n', piece.len);
    if (!newline) {
      keep_begin(batch, run, piece);
      return;
    }
    size_t len = (size_t)(newline - piece.at);
    take_kept_line(batch, run, (struct slice){piece.at, len});
    piece = slice_after(piece, len + 1);
  }
}

void batch_end(struct batch *batch, const struct batch_run *run) {
  static const struct slice nothing = {"", 0};
  if (batch->too_long || batch->line.len > 0)
    take_kept_line(batch, run, nothing);
}
