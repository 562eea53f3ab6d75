/* SPDX-License-Identifier: MIT
 * What the data of a message must look like, checked on its JSON text.
 *
 * The compiled form is one array of nodes, a node for each type of the text;
 * they refer to each other by index. Names, words and limits are not copied:
 * they point into the schema's own copy of the text, and an error shows them
 * as they were written there.
 *
 * A check is one pass over the JSON with the scanner of wire/json. It follows
 * the nodes, allocates nothing unless something is wrong, and recurses no
 * deeper than the schema does. The path for an error is a chain of steps on
 * the C stack, read only when there is one. */
#include "script/schema.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "script/schema_parse.h"
#include "wire/json.h"

struct check {
  const struct schema *schema;
  struct json_scan scan;
  int depth; /* arrays and objects around the value at hand */
  struct buf *why;
};

static const struct node *node_at(const struct check *c, uint32_t index) {
  return &c->schema->nodes[index];
}

/* Says what was expected at `path`: the kind of value, or with its limits. */
static int refuse_value(struct check *c, const struct node *node,
                        const struct step *path, bool limits) {
  schema_put_path(c->why, path);
  if (node->kind == NONE) {
    buf_puts(c->why, ": unknown field");
    return ERR_BAD_REQUEST;
  }
  buf_puts(c->why, ": expected ");
  if (node->kind != WORDS)
    buf_puts(c->why, schema_kinds[node->kind]);
  if (node->kind == WORDS || limits)
    buf_put(c->why, node->limits.text, node->limits.len);
  return ERR_BAD_REQUEST;
}

static bool within_limits(const struct node *node, int64_t value) {
  return (!node->has_min || value >= node->min) &&
         (!node->has_max || value <= node->max);
}

/* Whether the escape at `at` is the first half of a surrogate pair. */
static bool is_pair(const char *at) {
  return at[1] == 'u' && (at[2] | 0x20) == 'd' && strchr("89aAbB", at[3]);
}

static int64_t count_characters(const struct json_string *string) {
  const char *at = string->text, *end = at + string->len;
  int64_t n = 0;
  while (at < end) {
    if (*at == '\\')
      at += at[1] != 'u' ? 2 : is_pair(at) ? 12 : 6;
    else
      at++;
    while (at < end && ((unsigned char)*at & 0xc0) == 0x80)
      at++;
    n++;
  }
  return n;
}

static int check_string(struct check *c, const struct node *node,
                        const struct step *path) {
  struct json_string string;
  if (*c->scan.at != '"')
    return refuse_value(c, node, path, false);
  if (json_scan_string(&c->scan, &string) != 0)
    return ERR_BAD_JSON;
  /* A character is 1 to 12 bytes of JSON: most strings need no counting. */
  int64_t bytes = (int64_t)string.len;
  bool clear = (!node->has_min || bytes / 12 >= node->min) &&
               (!node->has_max || bytes <= node->max);
  if (clear || within_limits(node, count_characters(&string)))
    return 0;
  return refuse_value(c, node, path, true);
}

/* What the string stands for, in `plain` if need be. What is longer than that
 * has its length told, and is no name or word of a schema. */
static struct span read_text(const struct json_string *string,
                             char plain[SCHEMA_NAME]) {
  if (!string->escaped)
    return (struct span){string->text, string->len};
  size_t len = json_unescape(string->text, string->len, plain, SCHEMA_NAME);
  return (struct span){plain, len};
}

/* `name` has at most SCHEMA_NAME bytes. */
static bool same_text(struct span text, struct span name) {
  return text.len == name.len && memcmp(text.text, name.text, name.len) == 0;
}

static int check_words(struct check *c, const struct node *node,
                       const struct step *path) {
  struct json_string string;
  char plain[SCHEMA_NAME];
  if (*c->scan.at != '"')
    return refuse_value(c, node, path, true);
  if (json_scan_string(&c->scan, &string) != 0)
    return ERR_BAD_JSON;
  struct span text = read_text(&string, plain);
  for (uint32_t i = node->first; i; i = node_at(c, i)->next)
    if (same_text(text, node_at(c, i)->name))
      return 0;
  return refuse_value(c, node, path, true);
}

static bool is_number(char c) {
  return c == '-' || (c >= '0' && c <= '9');
}

static int check_number(struct check *c, const struct node *node,
                        const struct step *path) {
  const char *start = c->scan.at;
  bool whole;
  int64_t value = 0;
  if (!is_number(*start))
    return refuse_value(c, node, path, false);
  if (json_scan_number(&c->scan, &whole) != 0)
    return ERR_BAD_JSON;
  size_t len = (size_t)(c->scan.at - start);
  if (node->kind == INTEGER) {
    if (!whole || !json_to_int(start, len, &value))
      return refuse_value(c, node, path, false);
    return within_limits(node, value) ? 0 : refuse_value(c, node, path, true);
  }
  if (!node->has_min && !node->has_max)
    return 0;
  double number = json_to_double(start, len);
  bool fits = (!node->has_min || number >= node->low) &&
              (!node->has_max || number <= node->high);
  return fits ? 0 : refuse_value(c, node, path, true);
}

static int check_boolean(struct check *c, const struct node *node,
                         const struct step *path) {
  if (*c->scan.at == 't')
    return json_scan_word(&c->scan, "true");
  if (*c->scan.at == 'f')
    return json_scan_word(&c->scan, "false");
  return refuse_value(c, node, path, false);
}

static int check_value(struct check *c, const struct node *node,
                       const struct step *path);

static int check_array(struct check *c, const struct node *node,
                       const struct step *path) {
  struct step step = {.up = path, .index = 0};
  if (*c->scan.at != '[')
    return refuse_value(c, node, path, false);
  c->depth++;
  int more = json_enter(&c->scan, ']');
  while (more > 0) {
    step.index++;
    int err = check_value(c, node_at(c, node->first), &step);
    if (err)
      return err;
    more = json_next(&c->scan, ']');
  }
  c->depth--;
  if (more < 0)
    return more;
  return within_limits(node, (int64_t)step.index)
             ? 0
             : refuse_value(c, node, path, true);
}

/* A value with its key; notes the field that it is in `seen`. */
static int check_member(struct check *c, const struct node *object,
                        const struct step *path, uint64_t *seen) {
  struct json_string key;
  char plain[SCHEMA_NAME];
  if (json_scan_key(&c->scan, &key) != 0)
    return ERR_BAD_JSON;
  struct step step = {.up = path, .name = {key.text, key.len}};
  struct span text = read_text(&key, plain);
  uint32_t i = object->first;
  while (i && !same_text(text, node_at(c, i)->name))
    i = node_at(c, i)->next;
  if (!i)
    return check_value(c, node_at(c, object->others), &step);
  step.name = node_at(c, i)->name;
  *seen |= UINT64_C(1) << node_at(c, i)->bit;
  return check_value(c, node_at(c, i), &step);
}

/* Names the first of the fields that are missing. */
static int refuse_missing(struct check *c, const struct node *object,
                          const struct step *path, uint64_t missing) {
  uint32_t i = object->first;
  while (!(missing >> node_at(c, i)->bit & 1))
    i = node_at(c, i)->next;
  struct step step = {.up = path, .name = node_at(c, i)->name};
  return refuse_value(c, node_at(c, i), &step, false);
}

static int check_object(struct check *c, const struct node *node,
                        const struct step *path) {
  uint64_t seen = 0;
  if (*c->scan.at != '{')
    return refuse_value(c, node, path, false);
  c->depth++;
  int more = json_enter(&c->scan, '}');
  while (more > 0) {
    int err = check_member(c, node, path, &seen);
    if (err)
      return err;
    more = json_next(&c->scan, '}');
  }
  c->depth--;
  if (more < 0)
    return more;
  uint64_t missing = node->required & ~seen;
  return missing ? refuse_missing(c, node, path, missing) : 0;
}

static int check_value(struct check *c, const struct node *node,
                       const struct step *path) {
  if (c->scan.at == c->scan.end)
    return ERR_BAD_JSON;
  if (node->optional && *c->scan.at == 'n')
    return json_scan_word(&c->scan, "null");
  switch (node->kind) {
  case ANY:
    return json_skip_value(&c->scan, c->depth);
  case STRING:
    return check_string(c, node, path);
  case INTEGER:
  case NUMBER:
    return check_number(c, node, path);
  case BOOLEAN:
    return check_boolean(c, node, path);
  case OBJECT:
    return check_object(c, node, path);
  case ARRAY:
    return check_array(c, node, path);
  case WORDS:
    return check_words(c, node, path);
  case NOTHING: /* null has passed as what is optional */
  case NONE:
    break;
  }
  return refuse_value(c, node, path, false);
}

struct schema *schema_new(const char *text, size_t len, struct buf *error) {
  if (len > SCHEMA_BYTES || !utf8_valid(text, len)) {
    buf_puts(error, len > SCHEMA_BYTES ? "data: more than 64 KiB of text"
                                       : "data: the text is not UTF-8");
    return NULL;
  }
  struct schema *schema = mem_alloc(sizeof *schema + len + 1);
  memcpy(schema->text, text, len);
  if (schema_parse(schema, len, error) == 0)
    return schema;
  schema_free(schema);
  return NULL;
}

int schema_check(const struct schema *schema, const char *data, size_t len,
                 struct buf *why) {
  struct check c = {.schema = schema, .why = why};
  const struct node *root = &schema->nodes[schema->root];
  if (!data)
    return root->optional ? 0 : refuse_value(&c, root, NULL, false);
  c.scan = (struct json_scan){data, data + len};
  int err = check_value(&c, root, NULL);
  if (!err && c.scan.at < c.scan.end)
    err = ERR_BAD_JSON;
  if (err == ERR_BAD_JSON)
    buf_puts(why, "data: not valid JSON");
  return err;
}

void schema_free(struct schema *schema) {
  if (!schema)
    return;
  mem_free(schema->nodes);
  mem_free(schema);
}
