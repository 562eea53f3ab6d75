/* SPDX-License-Identifier: MIT
 * The outer object of a message: its type, its data, its id.
 *
 * A wrong type or id does not end the pass: the rest has to be JSON all the
 * same, a later key of the same name may replace it, and an id that comes
 * after a wrong type is still wanted. So each reader leaves its complaint
 * (NULL: none) and the pass goes on. */
#include "protocol/envelope.h"

#include "base/err.h"
#include "wire/json.h"
#include "wire/msg_type.h"

#include <string.h>

/* What is wrong with each key so far; NULL when nothing is. */
struct complaints {
  const char *type, *id;
};

/* Passes a value; true and the string in `out` when it is one that has 1 to
 * `cap` bytes. `*err` is the result of the scanner. */
static bool read_string(struct json_scan *scan, char *out, size_t cap,
                        size_t *len, int *err) {
  struct json_string string;
  if (scan->at == scan->end || *scan->at != '"') {
    *err = json_skip_value(scan, 1);
    return false;
  }
  *err = json_scan_string(scan, &string);
  if (*err != 0)
    return false;
  if (string.escaped) {
    *len = json_unescape(string.text, string.len, out, cap);
  } else {
    *len = string.len;
    if (*len <= cap)
      memcpy(out, string.text, *len);
  }
  return *len > 0 && *len <= cap;
}

static int read_type(struct json_scan *scan, struct envelope *out,
                     const char **complaint) {
  int err;
  *complaint = NULL;
  if (!read_string(scan, out->type, MSG_TYPE_BYTES, &out->type_len, &err)) {
    *complaint = "type: a string of 1 to 64 bytes is required";
    return err;
  }
  if (!msg_type_ok(out->type, out->type_len))
    *complaint = "type: only letters, digits and _ . : - are allowed";
  out->type[out->type_len] = '\0';
  return 0;
}

static int read_number_id(struct json_scan *scan, struct msg_id *id) {
  const char *start = scan->at;
  bool whole;
  int64_t number;
  int err = json_scan_number(scan, &whole);
  if (err != 0 || !whole ||
      !json_to_int(start, (size_t)(scan->at - start), &number))
    return err;
  if (number >= 1 && number <= MSG_ID_MAX) {
    id->kind = MSG_ID_INT;
    id->number = (uint64_t)number;
  }
  return 0;
}

static int read_id(struct json_scan *scan, struct msg_id *id,
                   const char **complaint) {
  int err;
  size_t len;
  id->kind = MSG_ID_NONE;
  if (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9') {
    err = read_number_id(scan, id);
  } else if (read_string(scan, id->text, MSG_ID_TEXT, &len, &err)) {
    id->kind = MSG_ID_STRING;
    id->len = (uint8_t)len;
  }
  *complaint = NULL;
  if (id->kind == MSG_ID_NONE)
    *complaint = "id: an integer from 1 to 2^53-1 or a string of 1 to 64 "
                 "bytes is required";
  return err;
}

static int read_data(struct json_scan *scan, struct envelope *out) {
  out->data = scan->at;
  out->data_look = (struct json_look){.once = true};
  int err = json_look_over(scan, 1, &out->data_look);
  out->data_len = (size_t)(scan->at - out->data);
  return err;
}

/* What is none is passed over: nobody is refused for it. */
static int read_traceparent(struct json_scan *scan, struct envelope *out) {
  struct json_string string;
  out->traceparent.len = 0;
  if (scan->at == scan->end || *scan->at != '"')
    return json_skip_value(scan, 1);
  int err = json_scan_string(scan, &string);
  if (!err)
    out->traceparent = (struct slice){string.text, string.len};
  return err;
}

enum { KEY_BYTES = 16 }; /* the longest name below fits */

static bool key_is(const struct json_string *key, const char *name,
                   size_t len) {
  return key->len == len && memcmp(key->text, name, len) == 0;
}

static int read_member(struct json_scan *scan, struct envelope *out,
                       struct complaints *wrong) {
  struct json_string key;
  char plain[KEY_BYTES];
  if (json_scan_key(scan, &key) != 0)
    return ERR_BAD_JSON;
  if (key.escaped) {
    key.len = json_unescape(key.text, key.len, plain, sizeof(plain));
    key.text = plain;
    if (key.len > sizeof(plain)) /* only a part of it is there: none of ours */
      return json_skip_value(scan, 1);
  }
  if (key_is(&key, "type", 4))
    return read_type(scan, out, &wrong->type);
  if (key_is(&key, "data", 4))
    return read_data(scan, out);
  if (key_is(&key, "id", 2))
    return read_id(scan, &out->id, &wrong->id);
  if (key_is(&key, "traceparent", 11))
    return read_traceparent(scan, out);
  return json_skip_value(scan, 1);
}

static int read_object(struct json_scan *scan, struct envelope *out,
                       struct complaints *wrong) {
  int more = json_enter(scan, '}');
  while (more > 0) {
    if (read_member(scan, out, wrong) != 0)
      return ERR_BAD_JSON;
    more = json_next(scan, '}');
  }
  return more;
}

static void clear(struct envelope *out) {
  out->type[0] = '\0';
  out->type_len = 0;
  out->data = NULL;
  out->data_len = 0;
  out->data_look = (struct json_look){.once = true};
  out->traceparent = (struct slice){"", 0};
  out->id.kind = MSG_ID_NONE;
}

int envelope_parse(const char *text, size_t len, struct envelope *out,
                   const char **why) {
  struct json_scan scan = {text, text + len};
  struct complaints wrong = {"type: missing", NULL};
  int err;
  clear(out);
  json_skip_space(&scan);
  if (scan.at < scan.end && *scan.at == '{') {
    err = read_object(&scan, out, &wrong);
  } else {
    wrong.type = "a message is a JSON object";
    err = json_skip_value(&scan, 0);
  }
  json_skip_space(&scan);
  if (err != 0 || scan.at < scan.end) {
    clear(out);
    return ERR_BAD_JSON;
  }
  const char *complaint = wrong.type ? wrong.type : wrong.id;
  if (!complaint)
    return 0;
  if (why)
    *why = complaint;
  return ERR_BAD_REQUEST;
}
