/* SPDX-License-Identifier: MIT
 * What the data of a message must look like, checked on its JSON text.
 *
 * A schema is a text in a small language. It is compiled once, when the scripts
 * are loaded. Lua tables become such a text in lua/perigee/declaration.lua. The
 * bounds of a schema itself are in script/schema_node.h.
 *
 *   type   = base { "[]" limits | "?" }          "?": may be missing or null
 *   base   = "any" | "boolean" | "object" | "null"
 *          | ( "string" | "array" | "integer" | "number" ) limits
 *          | word { "|" word } | object | "(" type ")"
 *   limits = { ( "<" | "<=" | ">" | ">=" ) number }
 *   word   = "'" text "'"
 *   object = "{" [ member { "," member } [ "," ] ] "}"
 *   member = key ":" type | "*" ":" ( type | "false" )
 *   key    = letters, digits and "_", or any text in double quotes
 *
 * Limits are about the value of a number, the characters (code points, not
 * bytes) of a string and the items of an array. An integer is a number that
 * Lua gets as one: 5, not 5.0 and not beyond int64. Keys that the schema does
 * not name are let through. `"*": type` says which type they must have,
 * `"*": false` refuses them. If a key comes twice, both values must fit. */
#ifndef SCRIPT_SCHEMA_H
#define SCRIPT_SCHEMA_H

#include "base/attr.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct schema;

/* Compiles a schema; `text` is copied. NULL if the text is no schema: then the
 * field, what is wrong there, and the offending text are appended to `error`.
 */
MUST_CHECK struct schema *schema_new(const char *text, size_t len,
                                     struct buf *error);

/* Appends what the schema means as JSON Schema (draft 2020-12): the members of
 * an object, without its braces, so that others can stand beside them. Nothing
 * for a type that anything fits. */
void schema_put_json(const struct schema *schema, struct buf *out);

/* Whether a message may come without data, or with null. */
bool schema_is_optional(const struct schema *schema);

/* Accepts NULL. */
void schema_free(struct schema *schema);

/* Whether a value fits. `data` is JSON without space around it, or NULL if the
 * message had none. Returns 0; or ERR_BAD_REQUEST, with the field and what is
 * expected there appended to `why`: `data.tags[3]: expected string`. Items are
 * counted from 1, as in Lua. Returns ERR_BAD_JSON, with a text as well, if the
 * data turns out to be no JSON before anything else is wrong. */
MUST_CHECK int schema_check(const struct schema *schema, const char *data,
                            size_t len, struct buf *why);

#endif
