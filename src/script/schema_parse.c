/* SPDX-License-Identifier: MIT
 * From the text of a schema to its nodes: recursive descent, a function for
 * each rule of the grammar in script/schema.h. */
#include "script/schema_parse.h"

#include "base/err.h"
#include "base/mem.h"
#include "config/suggest.h"
#include "wire/json.h"

#include <math.h>

enum { SHOWN_BYTES = 32 }; /* of an offending text */

struct parser {
  struct schema *schema;
  const char *at, *end;
  const struct step *path;
  int depth;
  struct buf *error;
};

/* Nodes may move when one is made: keep indexes. */
static uint32_t add_node(struct schema *schema, enum kind kind) {
  if (schema->count == schema->cap) {
    schema->cap = schema->cap ? schema->cap * 2 : 8;
    schema->nodes =
        mem_realloc(schema->nodes, schema->cap * sizeof *schema->nodes);
  }
  schema->nodes[schema->count] = (struct node){.kind = kind};
  return schema->count++;
}

static void skip_space(struct parser *p) {
  struct json_scan scan = {p->at, p->end};
  json_skip_space(&scan);
  p->at = scan.at;
}

/* Says where, what is wrong, and in front of which text; returns ERR_SCRIPT.
 * A parenthesis ends what a table had as one field, see declaration.lua. */
static int complain(struct parser *p, const char *what) {
  schema_put_path(p->error, p->path);
  skip_space(p);
  struct span rest = {p->at, 0};
  while (p->at + rest.len < p->end && !strchr(")\n", p->at[rest.len]))
    rest.len++;
  if (rest.len > 0)
    buf_printf(p->error, ": %s, at '%.*s'", what,
               (int)schema_shown(rest, SHOWN_BYTES), rest.text);
  else
    buf_printf(p->error, ": %s, at its end", what);
  return ERR_SCRIPT;
}

/* Passes the token if it comes next. */
static bool take_token(struct parser *p, const char *token) {
  size_t len = strlen(token);
  skip_space(p);
  if ((size_t)(p->end - p->at) < len || memcmp(p->at, token, len) != 0)
    return false;
  p->at += len;
  return true;
}

static struct span take_name(struct parser *p) {
  skip_space(p);
  struct span name = {p->at, 0};
  while (p->at < p->end && schema_name_char(*p->at))
    p->at++;
  name.len = (size_t)(p->at - name.text);
  return name;
}

/* Passes a text and the quote behind it; the one before was passed. */
static int take_quoted(struct parser *p, char quote, struct span *out) {
  const char *stop = memchr(p->at, quote, (size_t)(p->end - p->at));
  if (!stop)
    return complain(p, "a quote is not closed");
  *out = (struct span){p->at, (size_t)(stop - p->at)};
  for (const char *at = p->at; at < stop; at++)
    if ((unsigned char)*at < ' ' || *at == '\\')
      return complain(p, "no backslash or control character may be in quotes");
  if (out->len > SCHEMA_NAME)
    return complain(p, "more than 64 bytes are in quotes");
  p->at = stop + 1;
  return 0;
}

/* One side of the limits of a NUMBER, or (`strict`) the nearest inside. */
static void limit_number(struct node *node, double value, bool lower,
                         bool strict) {
  if (strict)
    value = nextafter(value, lower ? INFINITY : -INFINITY);
  *(lower ? &node->low : &node->high) = value;
}

/* The same for whole numbers: a strict limit is one further in. */
static int limit_whole(struct parser *p, struct node *node, int64_t value,
                       bool lower, bool strict) {
  if (node->kind != INTEGER && value < 0)
    return complain(p, "a length is not negative");
  if (strict && value == (lower ? INT64_MAX : INT64_MIN))
    return complain(p, "nothing is within these limits");
  int64_t inside = lower ? 1 : -1;
  *(lower ? &node->min : &node->max) = value + (strict ? inside : 0);
  return 0;
}

static bool is_empty(const struct node *node) {
  if (!node->has_min || !node->has_max)
    return node->kind != INTEGER && node->has_max && node->max < 0;
  return node->kind == NUMBER ? node->low > node->high : node->min > node->max;
}

static int parse_limit(struct parser *p, struct node *node, bool lower,
                       bool strict) {
  bool *has = lower ? &node->has_min : &node->has_max;
  if (node->kind == ANY || node->kind == BOOLEAN || node->kind == OBJECT ||
      node->kind == NOTHING)
    return complain(p, "only string, integer, number and arrays have limits");
  if (*has)
    return complain(p, "a second limit to the same side");
  skip_space(p);
  struct json_scan scan = {p->at, p->end};
  bool whole;
  int64_t value = 0;
  if (json_scan_number(&scan, &whole) != 0)
    return complain(p, "a limit must be a number");
  size_t len = (size_t)(scan.at - p->at);
  if (node->kind == NUMBER)
    limit_number(node, json_to_double(p->at, len), lower, strict);
  else if (!whole || !json_to_int(p->at, len, &value))
    return complain(p, "this limit must be a whole number");
  else if (limit_whole(p, node, value, lower, strict) != 0)
    return ERR_SCRIPT;
  *has = true;
  if (is_empty(node))
    return complain(p, "nothing is within these limits");
  p->at = scan.at;
  return 0;
}

static int parse_limits(struct parser *p, uint32_t index) {
  struct node *node = &p->schema->nodes[index]; /* none is made here */
  const char *start = p->at;
  for (;;) {
    const char *end = p->at;
    bool strict = true, lower = take_token(p, ">");
    if (!lower && !take_token(p, "<")) {
      node->limits = (struct span){start, (size_t)(end - start)};
      return 0;
    }
    if (p->at < p->end && *p->at == '=') {
      strict = false;
      p->at++;
    }
    if (parse_limit(p, node, lower, strict) != 0)
      return ERR_SCRIPT;
  }
}

static int complain_name(struct parser *p, struct span name) {
  char typed[SCHEMA_NAME + 1] = "";
  struct suggest suggest = {.typed = typed};
  p->at = name.text;
  if (name.len == 0)
    return complain(p, "a type is missing");
  if (name.len < sizeof typed)
    memcpy(typed, name.text, name.len);
  schema_put_path(p->error, p->path);
  buf_printf(p->error, ": '%.*s' is not a type",
             (int)schema_shown(name, SHOWN_BYTES), name.text);
  for (size_t i = 0; i < ARRAY_SIZE(schema_kinds); i++)
    suggest_try(&suggest, schema_kinds[i]);
  if (suggest.best)
    buf_printf(p->error, ", did you mean '%s'?", suggest.best);
  buf_puts(p->error, "; types are");
  for (size_t i = 0; i < ARRAY_SIZE(schema_kinds); i++)
    buf_printf(p->error, " %s", schema_kinds[i]);
  return ERR_SCRIPT;
}

static int parse_name(struct parser *p, uint32_t *out) {
  struct span name = take_name(p);
  for (size_t i = 0; i < ARRAY_SIZE(schema_kinds); i++)
    if (name.len == strlen(schema_kinds[i]) &&
        memcmp(name.text, schema_kinds[i], name.len) == 0) {
      *out = add_node(p->schema, (enum kind)i);
      p->schema->nodes[*out].optional = i == NOTHING;
      return parse_limits(p, *out);
    }
  return complain_name(p, name);
}

/* The first quote was passed. */
static int parse_words(struct parser *p, uint32_t *out) {
  struct schema *schema = p->schema;
  const char *start = p->at - 1;
  uint32_t list = *out = add_node(schema, WORDS), last = 0;
  do {
    struct span word;
    if (last && !take_token(p, "'"))
      return complain(p, "a word in quotes must follow after '|'");
    if (take_quoted(p, '\'', &word) != 0)
      return ERR_SCRIPT;
    uint32_t added = add_node(schema, ANY);
    schema->nodes[added].name = word;
    *(last ? &schema->nodes[last].next : &schema->nodes[list].first) = added;
    last = added;
    schema->nodes[list].limits = (struct span){start, (size_t)(p->at - start)};
  } while (take_token(p, "|"));
  return 0;
}

static int parse_type(struct parser *p, uint32_t *out);

/* Passes a key and its colon; `name->text` NULL is the star. */
static int parse_key(struct parser *p, struct span *name) {
  *name = (struct span){NULL, 0};
  if (!take_token(p, "*")) {
    bool quoted = take_token(p, "\"");
    if (quoted && take_quoted(p, '"', name) != 0)
      return ERR_SCRIPT;
    if (!quoted)
      *name = take_name(p);
    if (!quoted && name->len == 0)
      return complain(p, "a field is written `name: type`");
    if (name->len > SCHEMA_NAME)
      return complain(p, "a field's name has more than 64 bytes");
  }
  return take_token(p, ":") ? 0
                            : complain(p, "a field is written `name: type`");
}

static int parse_others(struct parser *p, uint32_t object) {
  uint32_t others;
  if (p->schema->nodes[object].others)
    return complain(p, "the field '*' comes twice");
  if (take_token(p, "false"))
    others = add_node(p->schema, NONE);
  else if (parse_type(p, &others) != 0)
    return ERR_SCRIPT;
  p->schema->nodes[object].others = others;
  return 0;
}

static bool has_field(const struct schema *schema, uint32_t object,
                      struct span name) {
  uint32_t i = schema->nodes[object].first;
  for (; i; i = schema->nodes[i].next)
    if (schema->nodes[i].name.len == name.len &&
        memcmp(schema->nodes[i].name.text, name.text, name.len) == 0)
      return true;
  return false;
}

/* `*last` is the field before this one, 0 for the first. */
static int parse_field(struct parser *p, uint32_t object, struct span name,
                       uint32_t *last) {
  struct schema *schema = p->schema;
  unsigned bit = *last ? schema->nodes[*last].bit + 1 : 0;
  uint32_t field;
  if (has_field(schema, object, name))
    return complain(p, "this field comes twice");
  if (bit == SCHEMA_FIELDS)
    return complain(p, "an object has more than 64 fields");
  if (parse_type(p, &field) != 0)
    return ERR_SCRIPT;
  schema->nodes[field].name = name;
  schema->nodes[field].bit = bit;
  if (!schema->nodes[field].optional)
    schema->nodes[object].required |= UINT64_C(1) << bit;
  *(*last ? &schema->nodes[*last].next : &schema->nodes[object].first) = field;
  *last = field;
  return 0;
}

/* The opening brace was passed. */
static int parse_object(struct parser *p, uint32_t *out) {
  uint32_t last = 0;
  *out = add_node(p->schema, OBJECT);
  while (!take_token(p, "}")) {
    struct step step = {.up = p->path};
    if (parse_key(p, &step.name) != 0)
      return ERR_SCRIPT;
    bool star = !step.name.text;
    if (star)
      step.name = (struct span){"*", 1};
    p->path = &step;
    int err =
        star ? parse_others(p, *out) : parse_field(p, *out, step.name, &last);
    p->path = step.up;
    if (err)
      return err;
    if (take_token(p, "}"))
      break;
    if (!take_token(p, ","))
      return complain(p, "after a field comes ',' or '}'");
  }
  return 0;
}

static int parse_base(struct parser *p, uint32_t *out) {
  if (take_token(p, "'"))
    return parse_words(p, out);
  if (take_token(p, "{"))
    return parse_object(p, out);
  if (!take_token(p, "("))
    return parse_name(p, out);
  if (parse_type(p, out) != 0)
    return ERR_SCRIPT;
  return take_token(p, ")") ? 0 : complain(p, "the type should end here");
}

static int parse_type(struct parser *p, uint32_t *out) {
  int wrapped = 0;
  if (++p->depth > SCHEMA_DEPTH)
    return complain(p, "more than 32 types are inside of each other");
  if (parse_base(p, out) != 0)
    return ERR_SCRIPT;
  for (;;) {
    if (take_token(p, "?")) {
      p->schema->nodes[*out].optional = true;
    } else if (take_token(p, "[]")) {
      if (p->depth + ++wrapped > SCHEMA_DEPTH)
        return complain(p, "more than 32 types are inside of each other");
      uint32_t array = add_node(p->schema, ARRAY);
      p->schema->nodes[array].first = *out;
      *out = array;
      if (parse_limits(p, array) != 0)
        return ERR_SCRIPT;
    } else {
      p->depth--;
      return 0;
    }
  }
}

int schema_parse(struct schema *schema, size_t len, struct buf *error) {
  struct parser p = {.schema = schema,
                     .at = schema->text,
                     .end = schema->text + len,
                     .error = error};
  add_node(schema, ANY);
  if (parse_type(&p, &schema->root) != 0)
    return ERR_SCRIPT;
  skip_space(&p);
  return p.at == p.end ? 0 : complain(&p, "the type should end here");
}
