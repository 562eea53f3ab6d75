/* SPDX-License-Identifier: MIT
 * A script's message, { type = …, data = … }, becomes a frame. */
#ifndef SCRIPT_MESSAGE_H
#define SCRIPT_MESSAGE_H

#include "base/buf.h"
#include "wire/frame.h"

#include <lua.h>
#include <stdbool.h>

/* Frames the table at `index` as {"type":…,"data":…}, with "room" when `room`
 * is not NULL. The caller owns the reference and drops it before anything
 * that may raise. Raises, holding nothing, if the message is not one: the
 * type is missing or not a type, a value cannot be JSON, or it is longer than
 * limits.queue_bytes, which no connection could take. */
MUST_CHECK struct frame *message_frame(lua_State *L, int index,
                                       const char *room, size_t room_len);

/* Frames the string at `index` as it is, as a binary message or as text. The
 * same rules; raises if text is not UTF-8, or it is too long. */
MUST_CHECK struct frame *message_raw_frame(lua_State *L, int index,
                                           bool is_binary);

/* Begins, in an empty `out`, what a client is told when scripts have made it a
 * member of a room, or ended that: {"type":…,"room":…. What follows begins with
 * a comma, and the message ends in a brace. */
void message_room_begin(struct buf *out, const char *type, const char *room,
                        size_t len);

/* That scripts have made it a member, with the value at `index` as data if it
 * is a table. Rules as for message_frame. */
MUST_CHECK struct frame *message_joined(lua_State *L, int index,
                                        const char *room, size_t len);

/* Raises unless the generation is live: while scripts are being loaded there
 * is nobody to send to. */
void message_check_live(lua_State *L);

#endif
