/* SPDX-License-Identifier: MIT
 * The table of calls for others: openapi.json for programs, docs/api.md for
 * people. */
#ifndef API_MANUAL_H
#define API_MANUAL_H

#include "base/buf.h"

/* Appends the description in OpenAPI 3.1, one line of JSON. */
void api_manual_openapi(struct buf *out);

/* Appends docs/api.md. */
void api_manual_markdown(struct buf *out);

#endif
