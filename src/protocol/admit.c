/* SPDX-License-Identifier: MIT
 * What a handler's declaration asks of a message. */
#include "protocol/admit.h"

#include "protocol/answer.h"
#include "protocol/client.h"
#include "script/schema.h"

static bool within_rate(struct conn *conn, const struct handler *handler,
                        const struct envelope *env) {
  struct protocol *protocol = protocol_of(conn);
  if (handler->rate <= 0 || client_of(conn)->is_service)
    return true;
  uint32_t wait =
      rates_take(protocol->rates, handler->name, conn->user->id, handler->rate,
                 handler->burst, uv_now(protocol->loop));
  if (wait)
    answer_rate_limited(conn, &env->id, wait, handler->name);
  return !wait;
}

static bool fits_schema(struct conn *conn, const struct handler *handler,
                        const struct envelope *env) {
  struct buf why = {0};
  if (!handler->schema)
    return true;
  int err = schema_check(handler->schema, env->data, env->data_len, &why);
  if (err) {
    buf_putc(&why, 0);
    answer_error(conn, &env->id, ERR_BAD_REQUEST, why.data);
  }
  buf_free(&why);
  return !err;
}

bool admit_message(struct conn *conn, const struct handler *handler,
                   const struct envelope *env) {
  return within_rate(conn, handler, env) && fits_schema(conn, handler, env);
}
