/* SPDX-License-Identifier: MIT
 * The compiled form of a schema: schema_parse makes it, schema_check follows
 * it.
 */
#ifndef SCRIPT_SCHEMA_NODE_H
#define SCRIPT_SCHEMA_NODE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Limits of a schema itself, so that checking costs little memory. */
enum {
  SCHEMA_BYTES = 64 * 1024, /* the text */
  SCHEMA_DEPTH = 32,        /* types inside of each other */
  SCHEMA_FIELDS = 64,       /* of one object */
  SCHEMA_NAME = 64,         /* bytes of a key or a word */
};

/* The first NAMED_KINDS have a name in the language, the others have none. */
enum kind {
  ANY,
  STRING,
  INTEGER,
  NUMBER,
  BOOLEAN,
  OBJECT,
  ARRAY,
  NOTHING, /* null */
  WORDS,
  NONE
};
enum { NAMED_KINDS = WORDS };

struct span {
  const char *text;
  size_t len;
};

struct node {
  enum kind kind;
  bool optional;         /* it may be null; as a field it may be missing */
  bool has_min, has_max; /* of value, characters or items */
  int64_t min, max;
  double low, high;   /* min and max of a NUMBER */
  struct span limits; /* as they were written, or the words; for errors */
  struct span name;   /* of a field, or the text of a word */
  uint32_t first;     /* field, word, or type of the items */
  uint32_t next;      /* field or word beside this one; 0: none */
  uint32_t others;    /* of an OBJECT: the type of keys it does not name */
  unsigned bit;       /* of a field: its bit in `required` of its object */
  uint64_t required;  /* of an OBJECT: the fields that must be there */
};

/* nodes[0] is ANY: so a node that was not set, as index 0, may be anything. */
struct schema {
  struct node *nodes;
  uint32_t count, cap;
  uint32_t root;
  char text[];
};

/* One step of the way to a value: a field, or item `index` if name.text is
 * NULL. If `up` is NULL, it leads from the data itself. */
struct step {
  const struct step *up;
  struct span name;
  size_t index;
};

/* What a script writes for the first NAMED_KINDS. */
extern const char *const schema_kinds[NAMED_KINDS];

/* How much of a text to show, without cutting a character in two. */
size_t schema_shown(struct span span, size_t most);

/* Whether the character may be in a key that needs no quotes. */
bool schema_name_char(char c);

/* Appends the way to a value, `data.tags[3]["a key"]`; NULL: to the data. */
void schema_put_path(struct buf *out, const struct step *step);

#endif
