/* SPDX-License-Identifier: MIT
 * Tokens in messages, and what the hook @token makes of one. */
#ifndef PROTOCOL_TOKEN_H
#define PROTOCOL_TOKEN_H

#include "auth/jwt.h"
#include "protocol/envelope.h"
#include "script/call_spec.h"

/* The member `token` of a message's data, or NULL. It is what stands in the
 * message. Only if that has escapes, which no JWT needs, it is a copy, which
 * `*copy` is set to as well, to be freed with mem_free. */
const char *token_find(const struct envelope *env, size_t *len, char **copy);

/* Reads what @token returned, a user and perhaps a table of claims, as if a JWT
 * had said it. ERR_INVALID_TOKEN, with claims->why, if it names no user or an
 * end that is none. Free `claims` with jwt_claims_free in any case. */
MUST_CHECK int token_read_result(const struct call_result *result,
                                 struct jwt_claims *claims);

#endif
