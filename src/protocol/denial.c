/* SPDX-License-Identifier: MIT
 * Denials. */
#include "protocol/denial.h"

#include "protocol/answer.h"
#include "protocol/client.h"
#include "wire/json.h"

#include <string.h>

struct denial denial_of(enum err err, const char *why) {
  return (struct denial){.code = err_name(err),
                         .text = err_text(err),
                         .retry = err_retry(err),
                         .why = why};
}

struct denial denial_of_hook(const struct call_result *result) {
  if (result->verdict == CALL_REFUSED)
    return (struct denial){.code = result->code,
                           .text = result->text,
                           .data = result->value[0],
                           .retry = err_code_retry(result->code),
                           .why = "refused by a script"};
  return (struct denial){.code = err_name(result->err), /* a reload may */
                         .text = err_text(result->err), /* mend it */
                         .retry = true,
                         .why = "a hook failed"};
}

int denial_close_code(const struct denial *denial) {
  if (!denial->retry)
    return CLOSE_AUTH_FAILED;
  bool token = strncmp(denial->code, "TOKEN_", strlen("TOKEN_")) == 0;
  return token ? CLOSE_TOKEN_EXPIRED : CLOSE_INTERNAL;
}

void denial_send(struct conn *conn, const struct msg_id *id,
                 const struct denial *denial) {
  struct buf *out = answer_begin(conn, "auth_error", id);
  answer_put_code(out, denial->code, denial->text, denial->data);
  buf_printf(out, ",\"retry\":%s", denial->retry ? "true" : "false");
  if (denial->wait_s > 0)
    buf_printf(out, ",\"retry_after_ms\":%lld",
               (long long)denial->wait_s * 1000);
  if (protocol_of(conn)->host.development) {
    buf_puts(out, ",\"why\":");
    json_put_string(out, denial->why, strlen(denial->why));
  }
  buf_puts(out, "}}");
  answer_send_control(conn);
}
