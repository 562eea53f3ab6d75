/* SPDX-License-Identifier: MIT
 * Why a connection ends: close codes and their reasons.
 *
 * The range carries the verdict for the client: after 4500–4999 it should not
 * reconnect, after every other code it may. Final is only what the same client
 * would meet again whatever time passes; what may pass by itself (a full
 * server, a clock, a burst) gets a code below 4500. docs/protocol.md has the
 * table, with the reason of each verdict. */
#ifndef WIRE_CLOSE_H
#define WIRE_CLOSE_H

#include <stdbool.h>

/* X(NAME, code, reason). A new one also goes into docs/protocol.md and into
 * client/src/codes.js, and into count_close of hub/conn.c if it is counted. */
#define CLOSE_MAP(X)                                                           \
  X(NORMAL, 1000, "normal")                                                    \
  X(SHUTDOWN, 1001, "shutdown")                                                \
  X(PROTOCOL_ERROR, 1002, "protocol_error")                                    \
  X(ABNORMAL, 1006, "disconnected")                                            \
  X(INVALID_TEXT, 1007, "invalid_utf8")                                        \
  X(PING_TIMEOUT, 4001, "ping_timeout")                                        \
  X(SLOW_CONSUMER, 4002, "slow_consumer")                                      \
  X(TOKEN_EXPIRED, 4003, "token_expired")                                      \
  X(RECONNECT, 4004, "reconnect")                                              \
  X(INTERNAL, 4005, "internal")                                                \
  X(AUTH_TIMEOUT, 4006, "auth_timeout")                                        \
  X(TRY_LATER, 4007, "try_later")                                              \
  X(BAD_PROTOCOL, 4500, "bad_protocol")                                        \
  X(AUTH_FAILED, 4501, "auth_failed")                                          \
  X(KICKED, 4502, "kicked")                                                    \
  X(REPLACED, 4503, "replaced")                                                \
  X(CONNECTION_LIMIT, 4504, "connection_limit")                                \
  X(TOO_MANY_ERRORS, 4505, "too_many_errors")                                  \
  X(UNSUPPORTED_FRAME, 4506, "unsupported_frame")                              \
  X(TOO_LARGE, 4507, "too_large")

enum close_code {
#define CLOSE_ENUM(name, code, reason) CLOSE_##name = code,
  CLOSE_MAP(CLOSE_ENUM)
#undef CLOSE_ENUM
};

/* RFC 6455, 5.5: a control frame carries 125 bytes, two of them the code. */
enum { CLOSE_REASON_BYTES = 123 };

/* The reason of a code; "closed" for codes of scripts. */
const char *close_reason(int code);

/* Whether a close frame may carry `code`: RFC 6455, 7.4, and what IANA has
 * registered since (1012 service restart, 1013 try again later, 1014 bad
 * gateway). 1005, 1006 and 1015 are names for what was not said. */
bool close_is_legal(int code);

#endif
