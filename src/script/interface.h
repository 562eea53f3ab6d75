/* SPDX-License-Identifier: MIT
 * What clients may rely on: the messages that a generation takes, answers and
 * sends, as one document of JSON Schema.
 *
 *   { "$schema": …, "title": "Perigee", "x-perigee": 1,
 *     "$defs": {
 *       "requests": { "type": "object", "properties": {
 *           TYPE: { …schema of data, "description": doc, "x-script": file,
 *                   "x-optional": true, "x-emits": [TYPE …] } } },
 *       "replies":  { … TYPE: schema of the reply … },
 *       "pushes":   { … TYPE: schema of data … },
 *       "calls":    those of backends, "answers": what they get } }
 *
 * A type that declares no schema has `{}` among the requests. One that declares
 * no reply is not among the replies. The document is sorted: the same
 * declarations are the same text. */
#ifndef SCRIPT_INTERFACE_H
#define SCRIPT_INTERFACE_H

#include "script/generation.h"

/* Appends the document. */
void interface_write(const struct generation *generation, struct buf *out);

#endif
