/* SPDX-License-Identifier: MIT
 * The outer object of a message: its type, its data, its id.
 *
 * It is one pass over the text, and checks all of it. After a result of 0 the
 * data is JSON, and may go to a decoder that does not check again. Unknown keys
 * are passed over. Of a key that comes twice the last one counts. Escapes in
 * keys and values are understood. */
#ifndef PROTOCOL_ENVELOPE_H
#define PROTOCOL_ENVELOPE_H

#include "base/attr.h"
#include "wire/json_look.h"
#include "wire/msg_id.h"
#include "wire/msg_type.h"
#include "wire/slice.h"

#include <stddef.h>

struct envelope {
  char type[MSG_TYPE_BYTES + 1]; /* zero-terminated */
  size_t type_len;
  const char *data; /* into the parsed text; NULL when there is none */
  size_t data_len;
  struct json_look data_look; /* what was seen of the data */
  struct slice traceparent; /* into the text, as it stands there; len 0: none */
  struct msg_id id;         /* MSG_ID_NONE when there is none */
};

/* Reads a message. `text` is not NULL and outlives `out`.
 *
 * 0;
 * ERR_BAD_JSON: not JSON, `out` is empty;
 * ERR_BAD_REQUEST: JSON, but not an envelope. `*why` (may be NULL) is set to
 * a constant text that names the key, and `out->id` is set if there was a
 * valid one, so that the sender can be told. The rest of `out` says nothing.
 */
MUST_CHECK int envelope_parse(const char *text, size_t len,
                              struct envelope *out, const char **why);

#endif
