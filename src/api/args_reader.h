/* SPDX-License-Identifier: MIT
 * What reading a body (api/args) and reading a URL (api/url) have in common. */
#ifndef API_ARGS_READER_H
#define API_ARGS_READER_H

#include "api/args.h"
#include "wire/json.h"

enum { ARGS_SHOWN_BYTES = 40 }; /* of a name that is not known, in a problem */

/* Where it is read, and what has come of it. */
struct args_reader {
  struct json_scan scan; /* of a body */
  struct api_args *args;
  struct buf *scratch; /* has room for all texts: it never moves */
  struct problem *problem;
};

/* Each returns false, with the problem. */
bool args_fail_form(struct args_reader *reader, enum api_arg arg,
                    const char *what);
bool args_fail_text(struct args_reader *reader, enum api_arg arg);
bool args_fail_int(struct args_reader *reader, enum api_arg arg);

/* Whether the text is one that the argument may be. */
bool args_is_text(enum api_arg arg, struct slice text);

/* Whether all is there that the call wants; else false, with the problem. */
bool args_check(const struct api_args *args, const struct api_wants *wants,
                struct problem *problem);

#endif
