/* SPDX-License-Identifier: MIT
 * Reading what a call is given. */
#include "api/args.h"

#include "base/utf8.h"
#include "hub/manager.h"
#include "wire/escape.h"
#include "wire/json.h"
#include "wire/msg_type.h"

#include <string.h>

enum { NAME_BYTES = 32, SHOWN_BYTES = 40 };

const struct api_arg_info api_arg_table[API_ARG_COUNT] = {
#define API_ARG_ROW(id, word, kind, low, high, line)                           \
  {.name = word,                                                               \
   .form = API_FORM_##kind,                                                    \
   .min = (low),                                                               \
   .max = (high),                                                              \
   .doc = line},
    API_ARGS(API_ARG_ROW)
#undef API_ARG_ROW
};

/* Where a body is read, and what has come of it. */
struct args_reader {
  struct json_scan scan;
  struct api_args *args;
  struct buf *scratch; /* has room for all texts of the body: it never moves */
  struct problem *problem;
};

static bool fail_form(struct args_reader *reader, enum api_arg arg,
                      const char *what) {
  return problem_set(reader->problem, ERR_BAD_REQUEST, "`%s` %s",
                     api_arg_table[arg].name, what);
}

/* The text that a scanned string stands for. */
static struct slice plain_slice(struct args_reader *reader,
                                const struct json_string *string) {
  if (!string->escaped)
    return (struct slice){string->text, string->len};
  char *out = buf_reserve(reader->scratch, string->len);
  size_t len = json_unescape(string->text, string->len, out, string->len);
  reader->scratch->len += len;
  return (struct slice){out, len};
}

static bool is_plain_text(enum api_arg arg, struct slice text) {
  const struct api_arg_info *info = &api_arg_table[arg];
  int64_t len = (int64_t)text.len;
  if (len < info->min || len > info->max)
    return false;
  return len == 0 || manager_room_name_ok(text.at, text.len);
}

static bool fail_text(struct args_reader *reader, enum api_arg arg) {
  const struct api_arg_info *info = &api_arg_table[arg];
  return problem_set(reader->problem, ERR_BAD_REQUEST,
                     "`%s` has %lld to %lld bytes, and no control characters",
                     info->name, (long long)info->min, (long long)info->max);
}

static bool read_call_text(struct args_reader *reader, enum api_arg arg,
                           struct slice *out) {
  struct json_string string;
  if (reader->scan.at == reader->scan.end || *reader->scan.at != '"')
    return fail_form(reader, arg, "is a text");
  if (json_scan_string(&reader->scan, &string))
    return problem_set(reader->problem, ERR_BAD_JSON, "a text is not JSON");
  *out = plain_slice(reader, &string);
  return is_plain_text(arg, *out) || fail_text(reader, arg);
}

static bool read_call_texts(struct args_reader *reader, enum api_arg arg) {
  const char *start = reader->scan.at;
  size_t count = 0, kept = reader->scratch->len;
  struct slice text;
  if (*start != '[')
    return fail_form(reader, arg, "is an array of texts");
  int more = json_enter(&reader->scan, ']');
  for (; more > 0; more = json_next(&reader->scan, ']')) {
    if (!read_call_text(reader, arg, &text))
      return false;
    reader->scratch->len = kept; /* it is read again when it is used */
    count++;
  }
  if (more < 0)
    return problem_set(reader->problem, ERR_BAD_JSON, "an array is not JSON");
  if (count == 0 || count > API_TEXTS_MAX)
    return fail_form(reader, arg, "has 1 to 10000 texts");
  reader->args->text[arg] =
      (struct slice){start, (size_t)(reader->scan.at - start)};
  return true;
}

static bool fail_int(struct args_reader *reader, enum api_arg arg) {
  const struct api_arg_info *info = &api_arg_table[arg];
  return problem_set(reader->problem, ERR_BAD_REQUEST,
                     "`%s` is a whole number from %lld to %lld", info->name,
                     (long long)info->min, (long long)info->max);
}

static bool read_call_int(struct args_reader *reader, enum api_arg arg) {
  const struct api_arg_info *info = &api_arg_table[arg];
  const char *start = reader->scan.at;
  int64_t *value = &reader->args->number[arg];
  bool whole;
  return (json_scan_number(&reader->scan, &whole) == 0 && whole &&
          json_to_int(start, (size_t)(reader->scan.at - start), value) &&
          *value >= info->min && *value <= info->max) ||
         fail_int(reader, arg);
}

static bool read_call_true(struct args_reader *reader, enum api_arg arg) {
  if (*reader->scan.at == 'f' && json_scan_word(&reader->scan, "false") == 0) {
    reader->args->has &= ~(1U << arg);
    return true;
  }
  return (*reader->scan.at == 't' &&
          json_scan_word(&reader->scan, "true") == 0) ||
         fail_form(reader, arg, "is true or false");
}

/* One member of the message. */
static bool read_message_member(struct args_reader *reader,
                                const struct json_string *key) {
  struct api_args *args = reader->args;
  struct json_scan *scan = &reader->scan;
  struct json_string string;
  const char *start = scan->at;
  if (slice_equals((struct slice){key->text, key->len}, "data")) {
    if (json_skip_value(scan, 2))
      return problem_set(reader->problem, ERR_BAD_JSON, "`data` is not JSON");
    args->data = (struct slice){start, (size_t)(scan->at - start)};
    return true;
  }
  if (!slice_equals((struct slice){key->text, key->len}, "type"))
    return fail_form(reader, API_ARG_MESSAGE, "has `type` and `data` only");
  if (*start != '"' || json_scan_string(scan, &string) || string.escaped ||
      !msg_type_ok(string.text, string.len))
    return fail_form(reader, API_ARG_MESSAGE,
                     "has a `type` of 1 to 64 of A-Z a-z 0-9 _ . : -");
  if (msg_type_is_control(string.text, string.len))
    return fail_form(reader, API_ARG_MESSAGE,
                     "has a `type` that is not the protocol's own");
  args->type = (struct slice){string.text, string.len};
  return true;
}

static bool read_message(struct args_reader *reader) {
  struct json_string key;
  if (*reader->scan.at != '{')
    return fail_form(reader, API_ARG_MESSAGE, "is an object");
  int more = json_enter(&reader->scan, '}');
  for (; more > 0; more = json_next(&reader->scan, '}')) {
    if (json_scan_key(&reader->scan, &key))
      return problem_set(reader->problem, ERR_BAD_JSON, "a name is not JSON");
    if (!read_message_member(reader, &key))
      return false;
  }
  if (more < 0)
    return problem_set(reader->problem, ERR_BAD_JSON, "`message` is not JSON");
  return reader->args->type.len > 0 ||
         fail_form(reader, API_ARG_MESSAGE, "needs a `type`");
}

static bool read_any(struct args_reader *reader, enum api_arg arg) {
  const char *start = reader->scan.at;
  if (json_skip_value(&reader->scan, 1))
    return problem_set(reader->problem, ERR_BAD_JSON, "a value is not JSON");
  reader->args->text[arg] =
      (struct slice){start, (size_t)(reader->scan.at - start)};
  return true;
}

static bool read_arg(struct args_reader *reader, enum api_arg arg) {
  reader->args->has |= 1U << arg;
  switch (api_arg_table[arg].form) {
  case API_FORM_TEXT:
    return read_call_text(reader, arg, &reader->args->text[arg]);
  case API_FORM_TEXTS:
    return read_call_texts(reader, arg);
  case API_FORM_INT:
    return read_call_int(reader, arg);
  case API_FORM_TRUE:
    return read_call_true(reader, arg);
  case API_FORM_BOOL:
    reader->args->number[arg] = *reader->scan.at == 't';
    return json_scan_word(&reader->scan,
                          *reader->scan.at == 't' ? "true" : "false") == 0 ||
           fail_form(reader, arg, "is true or false");
  case API_FORM_MESSAGE:
    return read_message(reader);
  case API_FORM_ANY:
    return read_any(reader, arg);
  }
  return false;
}

static bool read_call_member(struct args_reader *reader,
                             const struct api_wants *wants) {
  struct json_string key;
  if (json_scan_key(&reader->scan, &key))
    return problem_set(reader->problem, ERR_BAD_JSON, "a name is not JSON");
  struct slice name = {key.text, key.len};
  for (unsigned arg = 0; arg < API_ARG_COUNT; arg++) {
    if (!(wants->takes & 1U << arg) ||
        !slice_equals(name, api_arg_table[arg].name))
      continue;
    return reader->args->has & 1U << arg
               ? fail_form(reader, arg, "stands twice")
               : read_arg(reader, arg);
  }
  int shown = key.len < SHOWN_BYTES ? (int)key.len : SHOWN_BYTES;
  return problem_set(reader->problem, ERR_BAD_REQUEST,
                     "`%.*s` is nothing that this call takes", shown, key.text);
}

/* The names in a set, "`a`, `b` or `c`". */
static void name_args(unsigned set, char *out, size_t cap) {
  struct buf text = {0};
  for (unsigned arg = 0; arg < API_ARG_COUNT; arg++)
    if (set & 1U << arg)
      buf_printf(&text, "%s`%s`", text.len > 0 ? ", " : "",
                 api_arg_table[arg].name);
  if (!slice_copy((struct slice){text.len > 0 ? text.data : "", text.len}, out,
                  cap))
    strcpy(out, "more");
  buf_free(&text);
}

static bool check_wants(const struct api_args *args,
                        const struct api_wants *wants,
                        struct problem *problem) {
  char names[PROBLEM_DETAIL_BYTES / 2];
  unsigned missing = wants->needs & ~args->has;
  unsigned one = wants->one_of & args->has;
  if (missing) {
    name_args(missing, names, sizeof names);
    return problem_set(problem, ERR_BAD_REQUEST, "%s must be given", names);
  }
  if (wants->one_of && (one == 0 || (one & (one - 1)))) {
    name_args(wants->one_of, names, sizeof names);
    return problem_set(problem, ERR_BAD_REQUEST, "give exactly one of %s",
                       names);
  }
  return true;
}

bool api_args_read(struct api_args *args, const struct api_wants *wants,
                   struct slice body, struct buf *scratch,
                   struct problem *problem) {
  struct args_reader reader = {.scan = {body.at, body.at + body.len},
                               .args = args,
                               .scratch = scratch,
                               .problem = problem};
  args->has = 0;
  args->type = args->data = (struct slice){"", 0};
  buf_reset(scratch, NAME_BYTES);
  (void)buf_reserve(scratch, body.len);
  json_skip_space(&reader.scan);
  size_t at;
  if (json_check(body.at, body.len, &at))
    return problem_set(problem, ERR_BAD_JSON,
                       "the body is not JSON, at byte %zu", at + 1);
  if (*reader.scan.at != '{')
    return problem_set(problem, ERR_BAD_REQUEST, "the body is an object");
  int more = json_enter(&reader.scan, '}');
  for (; more > 0; more = json_next(&reader.scan, '}'))
    if (!read_call_member(&reader, wants))
      return false;
  return check_wants(args, wants, problem);
}

/* --- targets ------------------------------------------------------------ */

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

bool api_args_fit(const char *pattern, struct slice path) {
  struct slice captured;
  return fit_path(pattern, path, &captured);
}

static enum api_arg arg_named(struct slice name) {
  unsigned arg = 0;
  while (arg < API_ARG_COUNT && !slice_equals(name, api_arg_table[arg].name))
    arg++;
  return (enum api_arg)arg;
}

enum api_arg api_args_in_path(const char *pattern) {
  const char *brace = strchr(pattern, '{');
  if (!brace)
    return API_ARG_COUNT;
  return arg_named((struct slice){brace + 1, strcspn(brace + 1, "}")});
}

/* The request's reader has seen that each escape is one. */
static struct slice plain_target(struct buf *scratch, struct slice text,
                                 bool query) {
  char *out = buf_reserve(scratch, text.len);
  size_t len = escape_decode(text, query, out);
  scratch->len += len;
  return (struct slice){out, len};
}

static bool take_target_text(struct args_reader *reader, enum api_arg arg,
                             struct slice text, bool query) {
  struct api_args *args = reader->args;
  const struct api_arg_info *info = &api_arg_table[arg];
  struct slice plain = plain_target(reader->scratch, text, query);
  if (args->has & 1U << arg)
    return fail_form(reader, arg, "stands twice");
  args->has |= 1U << arg;
  if (info->form != API_FORM_INT) {
    args->text[arg] = plain;
    return (is_plain_text(arg, plain) && utf8_valid(plain.at, plain.len)) ||
           fail_text(reader, arg);
  }
  size_t digits = 0;
  while (digits < plain.len && plain.at[digits] >= '0' &&
         plain.at[digits] <= '9')
    digits++;
  return (digits > 0 && digits == plain.len &&
          json_to_int(plain.at, plain.len, &args->number[arg]) &&
          args->number[arg] >= info->min && args->number[arg] <= info->max) ||
         fail_int(reader, arg);
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
      return take_target_text(reader, (enum api_arg)arg, value, true);
  int shown = name_len < SHOWN_BYTES ? (int)name_len : SHOWN_BYTES;
  return problem_set(reader->problem, ERR_BAD_REQUEST,
                     "`%.*s` is nothing that this call takes", shown, name.at);
}

bool api_args_read_target(struct api_args *args, const struct api_wants *wants,
                          const char *pattern, struct slice path,
                          struct slice query, struct buf *scratch,
                          struct problem *problem) {
  struct args_reader reader = {
      .args = args, .scratch = scratch, .problem = problem};
  enum api_arg in_path = api_args_in_path(pattern);
  struct slice captured = {"", 0};
  args->has = 0;
  buf_reset(scratch, NAME_BYTES);
  (void)buf_reserve(scratch, path.len + query.len);
  if (!fit_path(pattern, path, &captured))
    return problem_set(problem, ERR_NOT_FOUND, "there is no such call");
  if (in_path < API_ARG_COUNT &&
      !take_target_text(&reader, in_path, captured, false))
    return false;
  while (query.len > 0)
    if (!read_parameter(&reader, wants, &query))
      return false;
  return check_wants(args, wants, problem);
}

bool api_args_next(struct slice *list, char out[API_TEXT_BYTES + 1],
                   size_t *len) {
  struct json_scan scan = {list->at, list->at + list->len};
  struct json_string string;
  int more =
      list->at[0] == '[' ? json_enter(&scan, ']') : json_next(&scan, ']');
  if (more <= 0 || json_scan_string(&scan, &string))
    return false;
  *len = json_unescape(string.text, string.len, out, API_TEXT_BYTES);
  out[*len] = 0;
  *list = (struct slice){scan.at, (size_t)(list->at + list->len - scan.at)};
  return true;
}
