/* SPDX-License-Identifier: MIT
 * Why a client is not let in, and how it is told: `auth_error`. */
#ifndef PROTOCOL_DENIAL_H
#define PROTOCOL_DENIAL_H

#include "hub/conn.h"
#include "script/call_spec.h"
#include "wire/msg_id.h"

struct denial {
  const char *code, *text;
  struct call_arg data; /* of a script, JSON; len 0: none */
  bool retry;           /* the same client may be let in later */
  int64_t wait_s;       /* in so many seconds; 0: nobody knows */
  const char *why; /* static; for the log, and in development mode for all */
};

/* One with a code and a text of ours. */
struct denial denial_of(enum err err, const char *why);

/* What a hook said that did not let it in: its own code, or that it failed. */
struct denial denial_of_hook(const struct call_result *result);

/* Final is only what the same client would meet again whatever time passes. */
int denial_close_code(const struct denial *denial);

/* Sends auth_error. A peer that guesses must not be helped: `why` is left out,
 * but who develops does not guess. */
void denial_send(struct conn *conn, const struct msg_id *id,
                 const struct denial *denial);

#endif
