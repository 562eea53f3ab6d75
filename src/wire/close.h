/* SPDX-License-Identifier: MIT
 * Why a connection ends: close codes and their reasons.
 *
 * The range carries the verdict for the client: after 4000–4499 it may
 * reconnect, after 4500–4999 it should not. */
#ifndef WIRE_CLOSE_H
#define WIRE_CLOSE_H

/* X(NAME, code, reason) */
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

#endif
