/* SPDX-License-Identifier: MIT
 * The steps of the scanner of wire/json.h, which says what they do, and which
 * includes this. They are inline: each takes a handful of instructions, and a
 * message some twenty of them. */
#ifndef WIRE_JSON_SCAN_H
#define WIRE_JSON_SCAN_H

#include "base/err.h"
#include "wire/json_run.h"

/* Passes what is left of a string: `at` stands inside of it, and what is before
 * it is plain. */
MUST_CHECK int json_scan_rest(struct json_scan *scan, struct json_string *out);

/* Passes `c` if that comes next. */
static inline bool json_take(struct json_scan *scan, char c) {
  if (scan->at == scan->end || *scan->at != c)
    return false;
  scan->at++;
  return true;
}

/* The usual string is plain, and short: one word or two have its end. */
static inline int json_scan_string(struct json_scan *scan,
                                   struct json_string *out) {
  out->escaped = false;
  if (!json_take(scan, '"'))
    return ERR_BAD_JSON;
  out->text = scan->at;
  while (scan->end - scan->at >= JSON_WORD_BYTES) {
    uint64_t marks = json_mark_not_plain(json_load_word(scan->at));
    if (!marks) {
      scan->at += JSON_WORD_BYTES;
      continue;
    }
    scan->at += json_first_mark(marks);
    if (*scan->at != '"')
      break;
    out->len = (size_t)(scan->at - out->text);
    scan->at++;
    return 0;
  }
  return json_scan_rest(scan, out);
}

static inline int json_enter(struct json_scan *scan, char close) {
  scan->at++;
  json_skip_space(scan);
  return json_take(scan, close) ? 0 : 1;
}

static inline int json_next(struct json_scan *scan, char close) {
  json_skip_space(scan);
  if (json_take(scan, close))
    return 0;
  if (!json_take(scan, ','))
    return ERR_BAD_JSON;
  json_skip_space(scan);
  return 1;
}

static inline int json_scan_key(struct json_scan *scan,
                                struct json_string *key) {
  if (json_scan_string(scan, key) != 0)
    return ERR_BAD_JSON;
  json_skip_space(scan);
  if (!json_take(scan, ':'))
    return ERR_BAD_JSON;
  json_skip_space(scan);
  return 0;
}

#endif
