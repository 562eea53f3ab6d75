/* SPDX-License-Identifier: MIT
 * The members of a JSON object that somebody else has written. */
#include "auth/members.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "wire/json.h"

#include <limits.h>
#include <string.h>

enum { NAME_BYTES = 256 }; /* of the longest name that can be wanted */

/* ---- JSON without our bounds ---- */

static bool pass_char(struct json_scan *scan, char c) {
  if (scan->at == scan->end || *scan->at != c)
    return false;
  scan->at++;
  return true;
}

static bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
         (c >= 'A' && c <= 'F');
}

static bool skip_escape(struct json_scan *scan) {
  if (scan->at == scan->end)
    return false;
  char c = *scan->at++;
  for (int i = 0; c == 'u' && i < 4; i++)
    if (scan->at == scan->end || !is_hex(*scan->at++))
      return false;
  return c == 'u' || (c && strchr("\"\\/bfnrt", c));
}

static bool skip_text(struct json_scan *scan) {
  if (!pass_char(scan, '"'))
    return false;
  while (scan->at < scan->end) {
    unsigned char c = (unsigned char)*scan->at++;
    if (c == '"')
      return true;
    if (c < 0x20 || (c == '\\' && !skip_escape(scan)))
      return false;
  }
  return false;
}

static bool skip_digits(struct json_scan *scan) {
  const char *begin = scan->at;
  while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
    scan->at++;
  return scan->at > begin;
}

static bool skip_number(struct json_scan *scan) {
  (void)pass_char(scan, '-');
  if (!pass_char(scan, '0') && !skip_digits(scan))
    return false;
  if (pass_char(scan, '.') && !skip_digits(scan))
    return false;
  if (pass_char(scan, 'e') || pass_char(scan, 'E')) {
    if (!pass_char(scan, '+'))
      (void)pass_char(scan, '-');
    return skip_digits(scan);
  }
  return true;
}

static bool skip_name(struct json_scan *scan) {
  json_skip_space(scan);
  if (!skip_text(scan))
    return false;
  json_skip_space(scan);
  return pass_char(scan, ':');
}

static bool skip_scalar(struct json_scan *scan) {
  if (scan->at == scan->end)
    return false;
  switch (*scan->at) {
  case '"':
    return skip_text(scan);
  case 't':
    return json_scan_word(scan, "true") == 0;
  case 'f':
    return json_scan_word(scan, "false") == 0;
  case 'n':
    return json_scan_word(scan, "null") == 0;
  default:
    return skip_number(scan);
  }
}

/* The closing brackets that are due, innermost last: no recursion, however
 * deep a stranger nests. */
struct nest {
  char *closers; /* room for each byte of the text */
  size_t depth;
};

/* Enters as many brackets as open here, up to a value that is none, or an empty
 * one, and passes that. */
static bool skip_openings(struct json_scan *scan, struct nest *nest) {
  for (;;) {
    json_skip_space(scan);
    bool object = scan->at < scan->end && *scan->at == '{';
    if (!object && !(scan->at < scan->end && *scan->at == '['))
      return skip_scalar(scan);
    scan->at++;
    json_skip_space(scan);
    if (pass_char(scan, object ? '}' : ']'))
      return true;
    nest->closers[nest->depth++] = object ? '}' : ']';
    if (object && !skip_name(scan))
      return false;
  }
}

/* After a value: leaves brackets that close. Whether another value comes. */
static bool skip_closings(struct json_scan *scan, struct nest *nest, bool *ok) {
  while (nest->depth > 0) {
    char closer = nest->closers[nest->depth - 1];
    json_skip_space(scan);
    if (pass_char(scan, ',')) {
      *ok = closer == ']' || skip_name(scan);
      return *ok;
    }
    *ok = pass_char(scan, closer);
    if (!*ok)
      return false;
    nest->depth--;
  }
  return false;
}

static bool skip_any(struct json_scan *scan) {
  struct nest nest = {mem_alloc_raw((size_t)(scan->end - scan->at) + 1), 0};
  bool ok;
  do
    ok = skip_openings(scan, &nest);
  while (ok && skip_closings(scan, &nest, &ok));
  mem_free(nest.closers);
  return ok;
}

/* ---- members ---- */

struct entry {
  const char *begin; /* of the name */
  struct json_string name;
  const char *value;
  size_t len;
  bool named, readable;
};

/* Reads a name, its colon and its value. */
static bool read_entry(struct json_scan *scan, struct entry *entry) {
  const struct json_scan begin = *scan;
  entry->begin = scan->at;
  entry->named = json_scan_key(scan, &entry->name) == 0;
  if (!entry->named) {
    *scan = begin;
    if (!skip_name(scan))
      return false;
  }
  json_skip_space(scan);
  const struct json_scan value = *scan;
  entry->value = scan->at;
  entry->readable = json_skip_value(scan, 1) == 0;
  if (!entry->readable) {
    *scan = value;
    if (!skip_any(scan))
      return false;
  }
  entry->readable = entry->readable && entry->named;
  entry->len = (size_t)(scan->at - entry->value);
  return true;
}

static bool is_named(const struct entry *entry, const char *name) {
  char text[NAME_BYTES];
  const char *is = entry->name.text;
  size_t len = entry->name.len;
  if (!entry->named || !name)
    return false;
  if (entry->name.escaped) {
    len = json_unescape(is, len, text, sizeof text);
    is = text;
  }
  return len == strlen(name) && len <= NAME_BYTES && !memcmp(is, name, len);
}

static void note_wanted(const struct entry *entry, struct member *wanted,
                        size_t count) {
  for (size_t i = 0; i < count; i++)
    if (is_named(entry, wanted[i].name)) {
      wanted[i].seen++;
      wanted[i].value = entry->value;
      wanted[i].len = entry->len;
      wanted[i].readable = entry->readable;
    }
}

/* `{` was passed or the last value: whether an entry comes next. */
static bool another(struct json_scan *scan, bool first, bool *ok) {
  json_skip_space(scan);
  *ok = true;
  if (pass_char(scan, '}'))
    return false;
  *ok = first || pass_char(scan, ',');
  json_skip_space(scan);
  return *ok;
}

bool members_find(const char *json, size_t len, struct member *wanted,
                  size_t count, bool *odd) {
  struct json_scan scan = {json, json + len};
  struct entry entry;
  bool ok, first = true, any_odd = false;
  for (size_t i = 0; i < count; i++)
    wanted[i] = (struct member){.name = wanted[i].name};
  json_skip_space(&scan);
  if (!utf8_valid(json, len) || !pass_char(&scan, '{'))
    return false;
  while (another(&scan, first, &ok)) {
    if (!read_entry(&scan, &entry))
      return false;
    any_odd = any_odd || !entry.readable;
    note_wanted(&entry, wanted, count);
    first = false;
  }
  json_skip_space(&scan);
  if (odd)
    *odd = any_odd;
  return ok && scan.at == scan.end;
}

void members_put_readable(const char *json, size_t len, struct buf *out) {
  struct json_scan scan = {json, json + len};
  struct entry entry;
  bool ok, first = true;
  const char *comma = "";
  json_skip_space(&scan);
  buf_putc(out, '{');
  if (pass_char(&scan, '{'))
    while (another(&scan, first, &ok) && read_entry(&scan, &entry)) {
      first = false;
      if (!entry.readable)
        continue;
      buf_puts(out, comma);
      buf_put(out, entry.begin, (size_t)(scan.at - entry.begin));
      comma = ",";
    }
  buf_putc(out, '}');
}

int member_text(const struct member *member, char *out, size_t cap) {
  if (!member->readable || member->len < 2 || *member->value != '"')
    return -1;
  size_t len = json_unescape(member->value + 1, member->len - 2, out, cap - 1);
  if (len >= cap || len > INT_MAX)
    return -1;
  out[len] = '\0';
  return (int)len;
}

bool member_is_text(const struct member *member, const char *text) {
  size_t want = strlen(text);
  char *copy = mem_alloc_raw(want + 1);
  int len = member_text(member, copy, want + 1);
  bool same = len == (int)want && memcmp(copy, text, want) == 0;
  mem_free(copy);
  return same;
}
