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

void welcome_add_late(struct buf *out, size_t at, const struct conn *conn,
                      const struct room *room, struct engine_position heard,
                      enum position_recovered recovered) {
  const struct manager *manager = manager_of(conn);
  open_object(out, at);
  if (roster_has(room))
    presence_put_list(manager->roster->presence, room->name, out);
  if (roster_has(room) && declared_numbered(room))
    buf_putc(out, ',');
  if (declared_numbered(room))
    position_put(out, manager->engine, heard, recovered);
  buf_putc(out, '}');
}

void welcome_add(struct buf *out, size_t at, const struct conn *conn,
                 const struct room *room) {
  welcome_add_late(out, at, conn, room, room->at, POSITION_PLAIN);
}
