/* SPDX-License-Identifier: MIT
 * A script's message, { type = …, data = … }, becomes a frame. */
#ifndef SCRIPT_MESSAGE_H
#define SCRIPT_MESSAGE_H

#include "base/buf.h"
#include "wire/frame.h"

#include <lua.h>
#include <stdbool.h>

/* Frames the table at `index` as {"type":…,"data":…}. The caller owns the
 * reference, and drops it before anything that may raise. Raises, and holds
 * nothing then, if the table is no message: its type is missing or is not a
 * type; a value cannot be JSON; or the frame is longer than limits.queue_bytes,
 * which no connection could take. */
MUST_CHECK struct frame *message_frame(lua_State *L, int index);

/* A message to a room before it is framed. */
struct message_text {
  const char *at; /* {"type":…,"room":…,"data":…}, in the scratch buffer */
  size_t len;
  size_t number_at; /* behind the room: where its number goes */
};

/* Writes the table at `index` as a message to a room. Raises as message_frame
 * does. The text is good until Lua runs again. */
struct message_text message_to_room(lua_State *L, int index, const char *room,
                                    size_t room_len);

/* Frames the string at `index` as it is, as a binary message or as text. The
 * same rules hold. Raises if it is too long, or if text is not UTF-8. */
MUST_CHECK struct frame *message_raw_frame(lua_State *L, int index,
                                           bool is_binary);

/* Begins a message that tells a client that scripts have put it into a room, or
 * taken it out: {"type":…,"room":…. `out` is empty before. The caller adds
 * members, each with a comma before it, and the closing brace. */
void message_room_begin(struct buf *out, const char *type, const char *room,
                        size_t len);

/* Writes the message that scripts have put a client into a room, to the
 * generation's scratch. The value at `index` is its data, if it is a table. The
 * rules are those of message_frame. Returns where the data begins. */
size_t message_joined_begin(lua_State *L, int index, const char *room,
                            size_t len);

/* Frames that message, whose data may have become more. The caller owns the
 * reference. */
MUST_CHECK struct frame *message_joined_end(lua_State *L, size_t data_at);

/* Raises unless the generation is live: while scripts are being loaded, nobody
 * is there to send to. */
void message_check_live(lua_State *L);

#endif
