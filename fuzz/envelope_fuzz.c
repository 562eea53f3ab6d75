/* SPDX-License-Identifier: MIT
 * envelope_parse agrees with json_check on what is JSON, and what it returns
 * keeps its promises: also that no key of the data comes twice. */
#include "base/err.h"
#include "protocol/envelope.h"
#include "wire/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
  if (!ok)
    abort();
}

static void check_id(const struct msg_id *id) {
  struct buf out = {0};
  if (id->kind == MSG_ID_NONE)
    return;
  if (id->kind == MSG_ID_INT)
    require(id->number >= 1 && id->number <= MSG_ID_MAX);
  else
    require(id->len >= 1 && id->len <= MSG_ID_TEXT);
  msg_id_put(&out, id);
  require(json_check(out.data, out.len, NULL) == 0);
  buf_free(&out);
}

/* Whether a key of the object comes twice, or one of an object in it. */
static bool has_twice(struct json_scan scan, int depth) {
  struct json_scan rest = scan;
  struct json_string key, other;
  char close = *scan.at == '{' ? '}' : ']';
  if (*scan.at != '{' && *scan.at != '[')
    return false;
  for (int more = json_enter(&scan, close); more > 0;
       more = json_next(&scan, close)) {
    require(close == ']' || json_scan_key(&scan, &key) == 0);
    if (has_twice(scan, depth + 1))
      return true;
    require(json_skip_value(&scan, depth + 1) == 0);
    rest = scan;
    for (int left = close == ']' ? 0 : json_next(&rest, close); left > 0;
         left = json_next(&rest, close)) {
      require(json_scan_key(&rest, &other) == 0);
      require(json_skip_value(&rest, depth + 1) == 0);
      if (key.len == other.len && !memcmp(key.text, other.text, key.len))
        return true;
    }
  }
  return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *text = size ? (const char *)data : "";
  const char *why = NULL;
  struct envelope e;
  int err = envelope_parse(text, size, &e, &why);
  require((err == ERR_BAD_JSON) == (json_check(text, size, NULL) != 0));
  require((err == ERR_BAD_REQUEST) == (why != NULL));
  check_id(&e.id);
  if (err != 0)
    return 0;
  require(e.type_len >= 1 && e.type_len <= MSG_TYPE_BYTES);
  require(strlen(e.type) == e.type_len && e.type[0] != '@');
  if (e.data) {
    require(e.data >= text && e.data + e.data_len <= text + size);
    require(json_check(e.data, e.data_len, NULL) == 0);
    struct json_scan scan = {e.data, e.data + e.data_len};
    require(!e.data_look.once || !has_twice(scan, 1));
    require(e.data_look.levels <= JSON_MAX_DEPTH);
  }
  return 0;
}
