/* SPDX-License-Identifier: MIT
 * Problems. */
#include "wire/problem.h"

#include "base/utf8.h"
#include "wire/json.h"
#include "wire/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

unsigned problem_status(enum err err) {
  switch (err) {
  case ERR_BAD_JSON:
  case ERR_BAD_REQUEST:
    return 400;
  case ERR_UNAUTHENTICATED:
    return 401;
  case ERR_FORBIDDEN:
    return 403;
  case ERR_NOT_FOUND:
  case ERR_UNKNOWN_TYPE:
    return 404;
  case ERR_LIMIT_EXCEEDED:
    return 409;
  case ERR_TOO_LARGE:
    return 413;
  case ERR_RATE_LIMITED:
    return 429;
  case ERR_OVERLOADED:
  case ERR_UNAVAILABLE:
  case ERR_TRY_LATER:
    return 503;
  case ERR_HANDLER_TIMEOUT:
    return 504;
  default:
    return 500;
  }
}

/* A text that was cut may end in a piece of a character. */
static void trim_text(char *detail) {
  size_t len = strlen(detail);
  while (len > 0 && !utf8_valid(detail, len))
    detail[--len] = 0;
}

void problem_set_code(struct problem *problem, const char *code) {
  snprintf(problem->code, sizeof problem->code, "%s", code);
  trim_text(problem->code);
}

bool problem_set(struct problem *problem, enum err err, const char *fmt, ...) {
  va_list args;
  *problem = (struct problem){.status = problem_status(err)};
  problem_set_code(problem, err_name(err));
  va_start(args, fmt);
  vsnprintf(problem->detail, sizeof problem->detail, fmt, args);
  va_end(args);
  trim_text(problem->detail);
  snprintf(problem->ref, sizeof problem->ref, "a%08lx",
           (unsigned long)random() & 0xffffffffUL);
  return false;
}

/* Codes that mean something else here than the script's own "no" are not in
 * the list: they are its own. */
void problem_set_refusal(struct problem *problem, const char *code,
                         const char *text) {
  static const enum err known[] = {
      ERR_BAD_REQUEST,  ERR_UNAUTHENTICATED, ERR_FORBIDDEN,
      ERR_NOT_FOUND,    ERR_TOO_LARGE,       ERR_LIMIT_EXCEEDED,
      ERR_RATE_LIMITED, ERR_OVERLOADED,      ERR_UNAVAILABLE,
  };
  unsigned status = 422;
  for (size_t i = 0; i < ARRAY_SIZE(known); i++)
    if (!strcmp(err_name(known[i]), code))
      status = problem_status(known[i]);
  problem_set(problem, ERR_BAD_REQUEST, "%s", text);
  problem_set_code(problem, code);
  problem->status = status;
}

void problem_put_data(struct buf *out, const struct problem *problem,
                      const struct buf *data) {
  buf_printf(out, "{\"title\":\"%s\",\"status\":%u,\"code\":",
             status_phrase(problem->status), problem->status);
  json_put_string(out, problem->code, strlen(problem->code));
  buf_puts(out, ",\"detail\":");
  json_put_any(out, problem->detail, strlen(problem->detail));
  if (*problem->ref)
    buf_printf(out, ",\"ref\":\"%s\"", problem->ref);
  if (data && data->len > 0) {
    buf_puts(out, ",\"data\":");
    buf_put(out, data->data, data->len);
  }
  buf_putc(out, '}');
}

void problem_put(struct buf *out, const struct problem *problem) {
  problem_put_data(out, problem, NULL);
}
