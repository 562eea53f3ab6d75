/* SPDX-License-Identifier: MIT
 * The compiled form of a schema. */
#include "script/schema_node.h"

const char *const schema_kinds[NAMED_KINDS] = {
    "any", "string", "integer", "number", "boolean", "object", "array", "null",
};

size_t schema_shown(struct span span, size_t most) {
  if (span.len <= most)
    return span.len;
  while (most > 0 && ((unsigned char)span.text[most] & 0xc0) == 0x80)
    most--;
  return most;
}

bool schema_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '_';
}

static bool is_plain_field(struct span name) {
  size_t n = 0;
  while (n < name.len && schema_name_char(name.text[n]))
    n++;
  return n > 0 && n == name.len;
}

void schema_put_path(struct buf *out, const struct step *step) {
  if (!step) {
    buf_puts(out, "data");
    return;
  }
  schema_put_path(out, step->up);
  if (!step->name.text) {
    buf_printf(out, "[%zu]", step->index);
    return;
  }
  bool plain = is_plain_field(step->name);
  buf_puts(out, plain ? "." : "[\"");
  buf_put(out, step->name.text, schema_shown(step->name, SCHEMA_NAME));
  buf_puts(out, plain ? "" : "\"]");
}
