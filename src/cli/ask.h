/* SPDX-License-Identifier: MIT
 * Asking the server that is running, at its admin address. */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include "base/attr.h"
#include "base/buf.h"

#include <stdbool.h>

/* GETs or POSTs the path at the admin address, and waits. `url` gets what was
 * asked, with a zero, and `answer` the body; the caller frees both. CLI_OK,
 * whatever the status of the answer; else what is wrong was printed. */
MUST_CHECK int cli_ask(const char *admin, const char *path, bool post,
                       struct buf *url, struct buf *answer);

/* POSTs likewise, with `Authorization: Bearer KEY` unless `key` is empty;
 * `*code` is the status of the answer. */
MUST_CHECK int cli_ask_with_key(const char *admin, const char *path,
                                const char *key, long *code, struct buf *url,
                                struct buf *answer);

/* Gets a URL, of any server, over TLS, too. `*code` is the status of the
 * answer, whose body is appended. Returns likewise. */
MUST_CHECK int cli_fetch(const char *url, long *code, struct buf *answer);

/* The same for an answer that goes on. `header` is a line for the request. What
 * comes is given to `take` piece by piece, the text of an answer whose status
 * is not 200, too; it returns false to end it. `*code` is the status. */
typedef bool cli_take_fn(void *arg, long code, const char *bytes, size_t len);
MUST_CHECK int cli_follow(const char *admin, const char *path,
                          const char *header, cli_take_fn *take, void *arg,
                          long *code);

/* Prints that there is no such server. Returns CLI_UNREACHED. */
int cli_unreached(const char *url, const char *why);

#endif
