/* SPDX-License-Identifier: MIT
 * Reading what a call is given. */
#include "api/args.h"

#include "api/args_reader.h"
#include "hub/manager.h"
#include "wire/json.h"
#include "wire/msg_type.h"

#include <string.h>

enum { NAME_BYTES = 32 };

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

bool args_fail_form(struct args_reader *reader, enum api_arg arg,
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

bool args_is_text(enum api_arg arg, struct slice text) {
  const struct api_arg_info *info = &api_arg_table[arg];
  int64_t len = (int64_t)text.len;
  if (len < info->min || len > info->max)
    return false;
  return len == 0 || manager_room_name_ok(text.at, text.len);
}

bool args_fail_text(struct args_reader *reader, enum api_arg arg) {
  const struct api_arg_info *info = &api_arg_table[arg];
  return problem_set(reader->problem, ERR_BAD_REQUEST,
                     "`%s` has %lld to %lld bytes, and no control characters",
                     info->name, (long long)info->min, (long long)info->max);
}

static bool read_call_text(struct args_reader *reader, enum api_arg arg,
                           struct slice *out) {
  struct json_string string;
  if (reader->scan.at == reader->scan.end || *reader->scan.at != '"')
    return args_fail_form(reader, arg, "is a text");
  if (json_scan_string(&reader->scan, &string))
    return problem_set(reader->problem, ERR_BAD_JSON, "a text is not JSON");
  *out = plain_slice(reader, &string);
  return args_is_text(arg, *out) || args_fail_text(reader, arg);
}

static bool read_call_texts(struct args_reader *reader, enum api_arg arg) {
  const char *start = reader->scan.at;
  size_t count = 0, kept = reader->scratch->len;
  struct slice text;
  if (*start != '[')
    return args_fail_form(reader, arg, "is an array of texts");
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
    return args_fail_form(reader, arg, "has 1 to 10000 texts");
  reader->args->text[arg] =
      (struct slice){start, (size_t)(reader->scan.at - start)};
  return true;
}

bool args_fail_int(struct args_reader *reader, enum api_arg arg) {
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
         args_fail_int(reader, arg);
}

static bool read_call_true(struct args_reader *reader, enum api_arg arg) {
  if (*reader->scan.at == 'f' && json_scan_word(&reader->scan, "false") == 0) {
    reader->args->has &= ~(1U << arg);
    return true;
  }
  return (*reader->scan.at == 't' &&
          json_scan_word(&reader->scan, "true") == 0) ||
         args_fail_form(reader, arg, "is true or false");
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
    return args_fail_form(reader, API_ARG_MESSAGE,
                          "has `type` and `data` only");
  if (*start != '"' || json_scan_string(scan, &string) || string.escaped ||
      !msg_type_ok(string.text, string.len))
    return args_fail_form(reader, API_ARG_MESSAGE,
                          "has a `type` of 1 to 64 of A-Z a-z 0-9 _ . : -");
  if (msg_type_is_control(string.text, string.len))
    return args_fail_form(reader, API_ARG_MESSAGE,
                          "has a `type` that is not the protocol's own");
  args->type = (struct slice){string.text, string.len};
  return true;
}

static bool read_message(struct args_reader *reader) {
  struct json_string key;
  if (*reader->scan.at != '{')
    return args_fail_form(reader, API_ARG_MESSAGE, "is an object");
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
         args_fail_form(reader, API_ARG_MESSAGE, "needs a `type`");
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
           args_fail_form(reader, arg, "is true or false");
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
               ? args_fail_form(reader, arg, "stands twice")
               : read_arg(reader, arg);
  }
  int shown = key.len < ARGS_SHOWN_BYTES ? (int)key.len : ARGS_SHOWN_BYTES;
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

bool args_check(const struct api_args *args, const struct api_wants *wants,
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
  return args_check(args, wants, problem);
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
