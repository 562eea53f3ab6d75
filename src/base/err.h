/* SPDX-License-Identifier: MIT
 * Everything that can go wrong: one list of codes, wire names and texts.
 *
 * Actions return 0 or a negative `enum err`. A client reads the wire name in
 * `data.code` of an error answer. Errors of ERR_INTERNAL never reach a client.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

/* X(NAME, retry, text): NAME is the wire name too; retry says whether the
 * same request may succeed later; text is the default human text. */
#define ERR_WIRE(X)                                                            \
  X(BAD_JSON, false, "the message is not valid JSON")                          \
  X(BAD_REQUEST, false, "the message does not have the required form")         \
  X(UNKNOWN_TYPE, false, "no handler for this message type")                   \
  X(UNAUTHENTICATED, false, "send auth first")                                 \
  X(INVALID_TOKEN, false, "the token is not valid")                            \
  X(TOKEN_EXPIRED, true, "the token has expired")                              \
  X(TOKEN_NOT_YET_VALID, true, "the token is not valid yet")                   \
  X(AUTH_TIMEOUT, true, "no auth message came in time")                        \
  X(FORBIDDEN, false, "not allowed")                                           \
  X(NOT_FOUND, false, "not found")                                             \
  X(TOO_LARGE, false, "the message is too large")                              \
  X(LIMIT_EXCEEDED, false, "a limit has been reached")                         \
  X(RATE_LIMITED, true, "too many messages")                                   \
  X(TRY_LATER, true, "there is no room for another connection at the moment")  \
  X(OVERLOADED, true, "the server is overloaded")                              \
  X(HANDLER_ERROR, false, "the handler failed")                                \
  X(HANDLER_TIMEOUT, true, "the handler took too long")                        \
  X(UNAVAILABLE, true, "not available at the moment")

/* Errors inside the program: X(NAME, text). */
#define ERR_INTERNAL(X)                                                        \
  X(CLOSED, "the connection is closed")                                        \
  X(FULL, "the queue is full")                                                 \
  X(SYSTEM, "a system call failed")                                            \
  X(CONFIG, "the configuration is not valid")                                  \
  X(SCRIPT, "a script is not valid")

enum err {
  ERR_OK = 0,
  ERR_FIRST = -1000,
#define ERR_ENUM(name, retry, text) ERR_##name,
  ERR_WIRE(ERR_ENUM)
#undef ERR_ENUM
#define ERR_ENUM(name, text) ERR_##name,
      ERR_INTERNAL(ERR_ENUM)
#undef ERR_ENUM
};

/* The wire name ("BAD_JSON"), or the plain name of an internal error. */
const char *err_name(enum err err);

/* The default human text. */
const char *err_text(enum err err);

/* Whether the same request may succeed later. */
bool err_retry(enum err err);

/* The same of a code by its wire name, which a script has passed on; false of
 * one of the script's own. */
bool err_code_retry(const char *code);

#endif
