/* SPDX-License-Identifier: MIT
 * How replies and errors are written.
 *
 * A message with an id gets exactly one answer. A message without an id gets
 * none: a failure is counted, and logged at debug level. In development mode a
 * failure is logged for everybody to see, and is sent without an id, too. */
#ifndef PROTOCOL_ANSWER_H
#define PROTOCOL_ANSWER_H

#include "base/err.h"
#include "hub/conn.h"
#include "script/call.h"
#include "wire/msg_id.h"

/* {"type":"reply","id":…,"data":…}; `json` is valid JSON, len 0 is null. */
void answer_reply(struct conn *conn, const struct msg_id *id, const char *json,
                  size_t len);

/* {"type":"joined","room":…,"data":…}, or "left": a script has done that. Raw
 * connections, which speak another protocol, are not told. */
void answer_membership(struct conn *conn, const char *type, const char *room,
                       const char *json, size_t len);

/* {"type":"pong","id":…}, for a ping that wants to know its own, or whose
 * client has a session: it is told what was received of it. */
void answer_pong(struct conn *conn, const struct msg_id *id);

/* {"type":"auth_ok",…}: who it is now, and under which limits. `more` are
 * further members of its data, each with a comma before it. */
void answer_auth_ok(struct conn *conn, const struct msg_id *id,
                    const struct buf *more);

/* {"type":"error",…} with a code of ours; `text` NULL is its default text. */
void answer_error(struct conn *conn, const struct msg_id *id, enum err err,
                  const char *text);

/* UNKNOWN_TYPE, naming it. */
void answer_unknown_type(struct conn *conn, const struct msg_id *id,
                         const char *type);

/* Counts a useless message: one that is no message, or that comes before auth.
 * A client that sends more than 20 of these in 5 seconds is closed 4505. A
 * well-formed message is never useless: a reload may just have taken away its
 * type or its form, or not have brought it yet. */
void answer_mistake(struct conn *conn);

/* RATE_LIMITED, with the time after which it may be tried again. It is sent
 * without an id, too, but at most once a second then. `type` is the message
 * type whose own rate it is; NULL if it is the rate of the connection. */
void answer_rate_limited(struct conn *conn, const struct msg_id *id,
                         uint32_t retry_after_ms, const char *type);

/* There is no room for the client now: TRY_LATER with the time after which
 * there may be room, and close 4007. */
void answer_try_later(struct conn *conn, uint32_t retry_after_ms);

/* Answers with what came of a handler or a hook: a reply, the script's own
 * error, or ours with a reference to the log. */
void answer_call(const struct call_spec *spec,
                 const struct call_result *result);

/* The same for a result that is not CALL_OK. */
void answer_failure(const struct call_spec *spec,
                    const struct call_result *result);

/* Writes ,"data":{"code":…,"message":…,"data":… without an end: what follows
 * begins with a comma, and two braces end the message. `data` is a script's
 * JSON; len 0 means none. */
void answer_put_code(struct buf *out, const char *code, const char *text,
                     struct call_arg data);

/* Begins a message in protocol->out: its type and, if there is one, the id.
 * What follows begins with a comma; answer_send sends it. */
struct buf *answer_begin(struct conn *conn, const char *type,
                         const struct msg_id *id);

/* Frames and sends what stands in protocol->out. */
void answer_send(struct conn *conn);

/* The same with conn_send_control. */
void answer_send_control(struct conn *conn);

#endif
