/* SPDX-License-Identifier: MIT
 * What a schema means, as JSON Schema: for tools, and for those who compare two
 * loads of the scripts.
 *
 * The order of members is fixed, so that the same schema is the same text. */
#include "script/schema.h"

#include "script/schema_node.h"
#include "wire/json.h"

static void put_node(const struct schema *schema, const struct node *node,
                     struct buf *out);

/* "string", or with null beside it. */
static void put_kind(const struct node *node, const char *kind,
                     struct buf *out) {
  buf_printf(out,
             node->optional ? "\"type\":[\"%s\",\"null\"]" : "\"type\":\"%s\"",
             kind);
}

static void put_limit(struct buf *out, const char *key, bool has,
                      int64_t value) {
  if (has)
    buf_printf(out, ",\"%s\":%lld", key, (long long)value);
}

static void put_limits(const struct node *node, const char *low,
                       const char *high, struct buf *out) {
  put_limit(out, low, node->has_min, node->min);
  put_limit(out, high, node->has_max, node->max);
}

static const char *skip_blanks(const char *at, const char *end) {
  struct json_scan scan = {at, end};
  json_skip_space(&scan);
  return scan.at;
}

/* Those of a number are as they were written: `low` and `high` are the nearest
 * ones inside. */
static void put_number_limits(const struct node *node, struct buf *out) {
  const char *at = node->limits.text, *end = at + node->limits.len;
  while ((at = skip_blanks(at, end)) < end) {
    bool lower = *at == '>', closed = at + 1 < end && at[1] == '=';
    struct json_scan scan = {at + 1 + closed, end};
    bool whole;
    json_skip_space(&scan);
    const char *number = scan.at;
    if (json_scan_number(&scan, &whole) != 0)
      return; /* the parser has read it */
    buf_printf(out, ",\"%s\":",
               lower    ? closed ? "minimum" : "exclusiveMinimum"
               : closed ? "maximum"
                        : "exclusiveMaximum");
    buf_put(out, number, (size_t)(scan.at - number));
    at = scan.at;
  }
}

static void put_words(const struct schema *schema, const struct node *node,
                      struct buf *out) {
  put_kind(node, "string", out);
  buf_puts(out, ",\"enum\":[");
  for (uint32_t i = node->first; i; i = schema->nodes[i].next) {
    if (i != node->first)
      buf_putc(out, ',');
    json_put_string(out, schema->nodes[i].name.text, schema->nodes[i].name.len);
  }
  buf_puts(out, node->optional ? ",null]" : "]");
}

static void put_required(const struct schema *schema, const struct node *object,
                         struct buf *out) {
  const char *before = ",\"required\":[";
  for (uint32_t i = object->first; i; i = schema->nodes[i].next) {
    const struct node *field = &schema->nodes[i];
    if (!(object->required >> field->bit & 1))
      continue;
    buf_puts(out, before);
    json_put_string(out, field->name.text, field->name.len);
    before = ",";
  }
  if (object->required)
    buf_putc(out, ']');
}

static void put_object(const struct schema *schema, const struct node *node,
                       struct buf *out) {
  const char *before = ",\"properties\":{";
  put_kind(node, "object", out);
  for (uint32_t i = node->first; i; i = schema->nodes[i].next) {
    buf_puts(out, before);
    json_put_string(out, schema->nodes[i].name.text, schema->nodes[i].name.len);
    buf_putc(out, ':');
    put_node(schema, &schema->nodes[i], out);
    before = ",";
  }
  if (node->first)
    buf_putc(out, '}');
  put_required(schema, node, out);
  if (!node->others)
    return;
  buf_puts(out, ",\"additionalProperties\":");
  put_node(schema, &schema->nodes[node->others], out);
}

static void put_array_type(const struct schema *schema, const struct node *node,
                           struct buf *out) {
  put_kind(node, "array", out);
  if (node->first) {
    buf_puts(out, ",\"items\":");
    put_node(schema, &schema->nodes[node->first], out);
  }
  put_limits(node, "minItems", "maxItems", out);
}

static void put_members(const struct schema *schema, const struct node *node,
                        struct buf *out) {
  switch (node->kind) {
  case ANY:
  case NONE:
    break;
  case STRING:
    put_kind(node, "string", out);
    put_limits(node, "minLength", "maxLength", out);
    break;
  case INTEGER:
    put_kind(node, "integer", out);
    put_limits(node, "minimum", "maximum", out);
    break;
  case NUMBER:
    put_kind(node, "number", out);
    put_number_limits(node, out);
    break;
  case BOOLEAN:
    put_kind(node, "boolean", out);
    break;
  case NOTHING:
    buf_puts(out, "\"type\":\"null\"");
    break;
  case OBJECT:
    put_object(schema, node, out);
    break;
  case ARRAY:
    put_array_type(schema, node, out);
    break;
  case WORDS:
    put_words(schema, node, out);
    break;
  }
}

static void put_node(const struct schema *schema, const struct node *node,
                     struct buf *out) {
  if (node->kind == NONE) {
    buf_puts(out, "false");
    return;
  }
  buf_putc(out, '{');
  put_members(schema, node, out);
  buf_putc(out, '}');
}

void schema_put_json(const struct schema *schema, struct buf *out) {
  put_members(schema, &schema->nodes[schema->root], out);
}

bool schema_is_optional(const struct schema *schema) {
  return schema->nodes[schema->root].optional;
}
