/* SPDX-License-Identifier: MIT
 * Arguments in paths and queries. */
#include "api/url.h"

#include "api/args_reader.h"
#include "base/utf8.h"
#include "wire/escape.h"

#include <string.h>

enum { URL_BYTES = 32 };

/* The next segment of a path that begins with a slash; without it. */
static struct slice take_segment(struct slice *path) {
  struct slice rest = slice_after(*path, 1);
  const char *slash = memchr(rest.at, '/', rest.len);
  size_t len = slash ? (size_t)(slash - rest.at) : rest.len;
  *path = slice_after(rest, len);
  return (struct slice){rest.at, len};
}

/* The segment of `path` at the place that is in braces; empty at `at` NULL. */
static bool fit_path(const char *pattern, struct slice path,
                     struct slice *captured) {
  struct slice left = {pattern, strlen(pattern)};
  while (left.len > 0 && path.len > 0 && path.at[0] == '/') {
    struct slice want = take_segment(&left), got = take_segment(&path);
    if (want.len > 0 && want.at[0] == '{')
      *captured = got;
    else if (want.len != got.len || memcmp(want.at, got.at, got.len) != 0)
      return false;
  }
  return left.len == 0 && path.len == 0;
}

bool api_url_fits(const char *pattern, struct slice path) {
  struct slice captured;
  return fit_path(pattern, path, &captured);
}

static enum api_arg arg_named(struct slice name) {
  unsigned arg = 0;
  while (arg < API_ARG_COUNT && !slice_equals(name, api_arg_table[arg].name))
    arg++;
  return (enum api_arg)arg;
}

enum api_arg api_url_arg(const char *pattern) {
  const char *brace = strchr(pattern, '{');
  if (!brace)
    return API_ARG_COUNT;
  return arg_named((struct slice){brace + 1, strcspn(brace + 1, "}")});
}

/* The request's reader has seen that each escape is one. */
static struct slice plain_url(struct buf *scratch, struct slice text,
                              bool query) {
  char *out = buf_reserve(scratch, text.len);
  size_t len = escape_decode(text, query, out);
  scratch->len += len;
  return (struct slice){out, len};
}

static bool take_url_text(struct args_reader *reader, enum api_arg arg,
                          struct slice text, bool query) {
  struct api_args *args = reader->args;
  const struct api_arg_info *info = &api_arg_table[arg];
  struct slice plain = plain_url(reader->scratch, text, query);
  if (args->has & 1U << arg)
    return args_fail_form(reader, arg, "stands twice");
  args->has |= 1U << arg;
  if (info->form != API_FORM_INT) {
    args->text[arg] = plain;
    return (args_is_text(arg, plain) && utf8_valid(plain.at, plain.len)) ||
           args_fail_text(reader, arg);
  }
  size_t digits = 0;
  while (digits < plain.len && plain.at[digits] >= '0' &&
         plain.at[digits] <= '9')
    digits++;
  return (digits > 0 && digits == plain.len &&
          json_to_int(plain.at, plain.len, &args->number[arg]) &&
          args->number[arg] >= info->min && args->number[arg] <= info->max) ||
         args_fail_int(reader, arg);
}

/* One "name=value" off the front. */
static bool read_parameter(struct args_reader *reader,
                           const struct api_wants *wants, struct slice *query) {
  const char *end = memchr(query->at, '&', query->len);
  size_t len = end ? (size_t)(end - query->at) : query->len;
  const char *equals = memchr(query->at, '=', len);
  size_t name_len = equals ? (size_t)(equals - query->at) : len;
  struct slice name = {query->at, name_len};
  struct slice value =
      slice_after((struct slice){query->at, len}, name_len + (equals != NULL));
  *query = slice_after(*query, len + (end != NULL));
  if (len == 0)
    return true;
  for (unsigned arg = 0; arg < API_ARG_COUNT; arg++)
    if (wants->takes & 1U << arg && slice_equals(name, api_arg_table[arg].name))
      return take_url_text(reader, (enum api_arg)arg, value, true);
  int shown = name_len < ARGS_SHOWN_BYTES ? (int)name_len : ARGS_SHOWN_BYTES;
  return problem_set(reader->problem, ERR_BAD_REQUEST,
                     "`%.*s` is nothing that this call takes", shown, name.at);
}

bool api_url_read(struct api_args *args, const struct api_wants *wants,
                  const char *pattern, struct slice path, struct slice query,
                  struct buf *scratch, struct problem *problem) {
  struct args_reader reader = {
      .args = args, .scratch = scratch, .problem = problem};
  enum api_arg in_path = api_url_arg(pattern);
  struct slice captured = {"", 0};
  args->has = 0;
  buf_reset(scratch, URL_BYTES);
  (void)buf_reserve(scratch, path.len + query.len);
  if (!fit_path(pattern, path, &captured))
    return problem_set(problem, ERR_NOT_FOUND, "there is no such call");
  if (in_path < API_ARG_COUNT &&
      !take_url_text(&reader, in_path, captured, false))
    return false;
  while (query.len > 0)
    if (!read_parameter(&reader, wants, &query))
      return false;
  return args_check(args, wants, problem);
}
