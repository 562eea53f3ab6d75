/* SPDX-License-Identifier: MIT
 * JSON as RFC 8259 has it: checked byte by byte, read in place, written.
 *
 * Three things on one scanner. json_check says whether a text is JSON. The
 * json_scan functions walk over a text and are what others build readers
 * from: they check everything they pass, allocate nothing, never read past
 * `end`, need no zero at the end, and on ERR_BAD_JSON leave `at` on what is
 * wrong (`end` when the text stops too early; the backslash of an escape;
 * the first byte of a character; the first byte of a number out of range).
 * The json_put functions append to a buffer.
 *
 * Stricter than most: one value and nothing after it, at most JSON_MAX_DEPTH
 * levels, valid UTF-8 only, no escape that has no UTF-8 (half a surrogate
 * pair), no number beyond what a double holds (1e400). Duplicate keys are
 * the reader's business: all of ours let the last one win.
 *
 * Its numbers are a file of their own, wire/json_number. */
#ifndef WIRE_JSON_H
#define WIRE_JSON_H

#include "base/attr.h"
#include "base/buf.h"
#include "wire/json_number.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Arrays and objects inside each other: `[[1]]` has depth 2. */
enum { JSON_MAX_DEPTH = 64 };

/* What is left of a text. */
struct json_scan {
  const char *at, *end;
};

/* The inside of a string, without quotes, as it stands in the text. */
struct json_string {
  const char *text;
  size_t len;
  bool escaped; /* has backslashes: read it with json_unescape */
};

/* Returns 0 when the text is one JSON value with nothing but space around it.
 * Else returns ERR_BAD_JSON, and `*at` is the offset of what is wrong (`at` may
 * be NULL). `text` is not NULL, even when `len` is 0. */
MUST_CHECK int json_check(const char *text, size_t len, size_t *at);

static inline void json_skip_space(struct json_scan *scan) {
  while (scan->at < scan->end && (unsigned char)*scan->at <= ' ' &&
         (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' ||
          *scan->at == '\t'))
    scan->at++;
}

/* Passes the value that begins at `at` (no space before it) and has `depth`
 * arrays and objects around it. 0 or ERR_BAD_JSON. */
MUST_CHECK int json_skip_value(struct json_scan *scan, int depth);

/* Passes a string. 0 or ERR_BAD_JSON, also when there is no string here. */
MUST_CHECK static inline int json_scan_string(struct json_scan *scan,
                                              struct json_string *out);

/* Passes a number; `*whole` when it has neither fraction nor exponent.
 * 0 or ERR_BAD_JSON, also when there is no number here. */
MUST_CHECK int json_scan_number(struct json_scan *scan, bool *whole);

/* Passes `true`, `false` or `null`, given as `word`. 0 or ERR_BAD_JSON. */
MUST_CHECK int json_scan_word(struct json_scan *scan, const char *word);

/* To walk over an array or object, `close` being ']' or '}':
 *
 *   int more = json_enter(&scan, close);
 *   while (more > 0) {
 *     … json_scan_key (in an object), then pass the value …
 *     more = json_next(&scan, close);
 *   }
 *
 * json_enter passes the opening bracket that `at` is on, json_next what
 * stands after a value. 1: a value (in an object: a key) comes next; 0: the
 * closing bracket was passed; or ERR_BAD_JSON. The caller counts depth. */
MUST_CHECK static inline int json_enter(struct json_scan *scan, char close);
MUST_CHECK static inline int json_next(struct json_scan *scan, char close);

/* Passes a key and its colon; the value begins at `at`. 0 or ERR_BAD_JSON. */
MUST_CHECK static inline int json_scan_key(struct json_scan *scan,
                                           struct json_string *key);

/* Writes the text that a scanned string stands for into `out`, as UTF-8 and
 * without a zero. Returns its length, which is `len` at most. When that is more
 * than `cap`, what is in `out` is of no use. */
MUST_CHECK size_t json_unescape(const char *text, size_t len, char *out,
                                size_t cap);

/* The bytes that json_put_string appends. */
size_t json_string_len(const char *text, size_t len);

/* Appends the text as a JSON string, if it is ASCII of which nothing is to be
 * escaped: two bytes more. Else it appends nothing, and returns false. */
MUST_CHECK bool json_put_plain(struct buf *out, const char *text, size_t len);

/* Appends the text as a JSON string. It is valid UTF-8. */
void json_put_string(struct buf *out, const char *text, size_t len);

/* The same of any bytes, such as errors of scripts: what is not UTF-8 is
 * replaced by U+FFFD. */
void json_put_any(struct buf *out, const char *text, size_t len);

#include "wire/json_scan.h"

#endif
