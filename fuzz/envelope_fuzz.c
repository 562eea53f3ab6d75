/* SPDX-License-Identifier: MIT
 * envelope_parse agrees with json_check on what is JSON, and what it returns
 * keeps its promises. */
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
  }
  return 0;
}
