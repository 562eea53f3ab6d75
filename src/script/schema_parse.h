/* SPDX-License-Identifier: MIT
 * From the text of a schema to its nodes. */
#ifndef SCRIPT_SCHEMA_PARSE_H
#define SCRIPT_SCHEMA_PARSE_H

#include "base/attr.h"
#include "script/schema_node.h"

/* Makes the nodes of schema->text, which has `len` bytes of UTF-8. Returns 0;
 * or ERR_SCRIPT, with the field, what is wrong there, and the offending text
 * appended to `error`. */
MUST_CHECK int schema_parse(struct schema *schema, size_t len,
                            struct buf *error);

#endif
