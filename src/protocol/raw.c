/* SPDX-License-Identifier: MIT
 * Raw mode. */
#include "protocol/raw.h"

#include "config/config.h"
#include "protocol/auth.h"
#include "protocol/session.h"
#include "script/call.h"

void raw_open(struct conn *conn, const char *token, size_t len) {
  const struct config *config = protocol_of(conn)->config;
  if (config->raw_auth == RAW_AUTH_TOKEN) {
    auth_token(conn, token, len);
    return;
  }
  session_let_in_nobody(conn);
}

void raw_message(struct conn *conn, const char *data, size_t len,
                 bool is_binary) {
  struct generation *live = protocol_of(conn)->host.live;
  if (client_of(conn)->session < SESSION_GREETED ||
      client_of(conn)->session == SESSION_ENDS)
    return; /* it waited for a login that did not succeed */
  if (!live->hooks[HOOK_RAW]) {
    conn_close(conn, CLOSE_UNSUPPORTED_FRAME, NULL);
    return;
  }
  struct call_spec spec = {
      .handler = live->hooks[HOOK_RAW],
      .conn = conn,
      .args = {{.kind = CALL_CLIENT},
               {CALL_STRING, data, len},
               {.kind = is_binary ? CALL_TRUE : CALL_FALSE}},
      .nargs = 3,
      .traceparent = conn_traceparent(conn),
  };
  call_run(live, &spec);
}
