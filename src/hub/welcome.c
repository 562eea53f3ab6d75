/* SPDX-License-Identifier: MIT
 * The answer to a join. */
#include "hub/welcome.h"

/* Makes an object that is not closed of what was said, for one more member. */
static void open_object(struct buf *out, size_t at) {
  static const char wrap[] = "{\"data\":";
  size_t len = out->len - at, more = sizeof wrap - 1;
  if (len == 0) {
    buf_putc(out, '{');
  } else if (out->data[at] == '{') {
    out->len--;
    if (len > 2)
      buf_putc(out, ',');
  } else {
    buf_reserve(out, more);
    memmove(out->data + at + more, out->data + at, len);
    memcpy(out->data + at, wrap, more);
    out->len += more;
    buf_putc(out, ',');
  }
}

void welcome_add(struct buf *out, size_t at, const struct conn *conn,
                 const struct room *room) {
  open_object(out, at);
  presence_put_list(manager_of(conn)->roster->presence, room->name, out);
  buf_putc(out, '}');
}
