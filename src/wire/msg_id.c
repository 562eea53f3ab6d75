/* SPDX-License-Identifier: MIT
 * The `id` of a request: what the client wants to see on the answer. */
#include "wire/msg_id.h"

#include "wire/json.h"

void msg_id_put(struct buf *out, const struct msg_id *id) {
  if (id->kind == MSG_ID_INT)
    json_put_int(out, (int64_t)id->number);
  else
    json_put_string(out, id->text, id->len);
}
