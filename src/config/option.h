/* SPDX-License-Identifier: MIT
 * The option table: options.def as data, and as the struct that holds a value
 * of each option. Nothing here reads a value; config/value does. */
#ifndef CONFIG_OPTION_H
#define CONFIG_OPTION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* The C type of a field of struct config. */
#define OPTION_TYPE_STRING  char *
#define OPTION_TYPE_BOOL    bool
#define OPTION_TYPE_INT     int
#define OPTION_TYPE_SIZE    size_t  /* bytes */
#define OPTION_TYPE_SECONDS double  /* seconds, with fractions */
#define OPTION_TYPE_SHARE   double  /* of all, 0 to 1 */
#define OPTION_TYPE_ENUM    int     /* index of the choice */
#define OPTION_TYPE_LIST    char ** /* texts, then NULL */
#define OPTION_TYPE_SECRET  char *  /* never printed or logged */
#define OPTION_TYPE_KEYS    char *  /* nor these: config/api_keys */
#define OPTION_TYPE_URLS    char *  /* printed without passwords: redis_url */

enum option_type {
  OPTION_STRING,
  OPTION_BOOL,
  OPTION_INT,
  OPTION_SIZE,
  OPTION_SECONDS,
  OPTION_SHARE,
  OPTION_ENUM,
  OPTION_LIST,
  OPTION_SECRET,
  OPTION_KEYS,
  OPTION_URLS
};

/* OPTION_AT_field is the row of an option. */
enum option_index {
#define OPTION(key, field, type, value, range, reload, help) OPTION_AT_##field,
#define DEVELOPMENT(field, value)
#include "config/options.def"
  OPTION_COUNT
};

/* A value of each option, see config/config. The field of an option is its key
 * with dots as underscores, `cfg->limits_message_bytes`; OPTION_TYPE_… is its C
 * type. Texts and lists belong to the struct and are never NULL. */
struct config {
#define OPTION(key, field, type, value, range, reload, help)                   \
  OPTION_TYPE_##type field;
#define DEVELOPMENT(field, value)
#include "config/options.def"
  char *vars_json;          /* `vars` of the file, a JSON object */
  char *unset_env;          /* what its `env` did not find: `"A" "B"`, or "" */
  char *from[OPTION_COUNT]; /* where each value came from, for people */
  atomic_uint refs;         /* holders */
};

struct option {
  const char *key;
  enum option_type type;
  const char *value;   /* default, as text; see option_default */
  double min, max;     /* of numbers, inclusive */
  const char *choices; /* of ENUM: "a|b|c" */
  bool reloadable;     /* may change while the server runs */
  const char *help;
  size_t offset; /* of the field in struct config */
};

/* OPTION_COUNT rows, in the order of options.def. */
extern const struct option option_table[OPTION_COUNT];

enum { OPTION_ENV_BYTES = 64 };

/* The default as text, in production or in development mode. */
const char *option_default(const struct option *option, bool development);

/* The row with that key, or NULL. */
const struct option *option_find(const char *key);

/* The row whose PERIGEE_* variable has that name, or NULL. */
const struct option *option_find_env(const char *name);

/* Whether keys begin with `name` and a dot ("limits"). */
bool option_is_section(const char *name);

/* The first row whose key begins with `name` and a dot; NULL: there is none. */
const struct option *option_in_section(const char *name);

enum { OPTION_EXAMPLE_BYTES = 160 };

/* Writes how a file gives the option a value: `session.keep_s = 30`; behind
 * `section`, where that is not NULL: `session = { keep_s = 30 }`. */
void option_example(const struct option *option, const char *section,
                    char text[OPTION_EXAMPLE_BYTES]);

/* Writes the name of the option's variable: "PERIGEE_LIMITS_BURST". */
void option_env_name(const struct option *option, char name[OPTION_ENV_BYTES]);

#endif
