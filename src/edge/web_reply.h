/* SPDX-License-Identifier: MIT
 * The bytes of an answer of the scripts: what they say, and what is added. */
#ifndef EDGE_WEB_REPLY_H
#define EDGE_WEB_REPLY_H

#include "base/buf.h"
#include "wire/gzip.h"

struct web_reply {
  unsigned status;
  struct slice fields; /* lines of the head; checked */
  struct slice body;
  struct slice cors; /* lines of ours, unless the script says such itself */
  struct gzip *gzip; /* NULL: the peer does not take it */
  bool last;         /* the connection ends with it */
  bool head;         /* the body is left out */
};

/* Appends it. The body is compressed if it is a text that is worth it, not yet
 * encoded, without a strong ETag, and not `Cache-Control: no-transform`. */
void web_reply_put(struct buf *out, const struct web_reply *reply);

#endif
