/* SPDX-License-Identifier: MIT
 * The option table as data. */
#include "config/option.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* The words of options.def. */
#define ANY           .min = 0
#define RANGE(lo, hi) .min = (lo), .max = (hi)
#define ONE_OF(list)  .choices = (list)
#define RELOADABLE    true
#define FIXED         false

static const char env_prefix[] = "PERIGEE_";

/* NULL where the default is the same in both modes. */
static const char *const development_values[OPTION_COUNT] = {
#define OPTION(key, field, type, value, range, reload, help)
#define DEVELOPMENT(field, value) [OPTION_AT_##field] = value,
#include "config/options.def"
};

const struct option option_table[OPTION_COUNT] = {
#define OPTION(name, field, kind, text, range, reload, line)                   \
  {.key = name,                                                                \
   .type = OPTION_##kind,                                                      \
   .value = text,                                                              \
   range,                                                                      \
   .reloadable = reload,                                                       \
   .help = line,                                                               \
   .offset = offsetof(struct config, field)},
#define DEVELOPMENT(field, value)
#include "config/options.def"
};

const char *option_default(const struct option *option, bool development) {
  const char *value = development_values[option - option_table];
  return development && value ? value : option->value;
}

const struct option *option_find(const char *key) {
  for (size_t i = 0; i < OPTION_COUNT; i++)
    if (strcmp(option_table[i].key, key) == 0)
      return &option_table[i];
  return NULL;
}

const struct option *option_find_env(const char *name) {
  char env[OPTION_ENV_BYTES];
  for (size_t i = 0; i < OPTION_COUNT; i++) {
    option_env_name(&option_table[i], env);
    if (strcmp(env, name) == 0)
      return &option_table[i];
  }
  return NULL;
}

const struct option *option_in_section(const char *name) {
  size_t len = strlen(name);
  for (size_t i = 0; i < OPTION_COUNT; i++)
    if (strncmp(option_table[i].key, name, len) == 0 &&
        option_table[i].key[len] == '.')
      return &option_table[i];
  return NULL;
}

bool option_is_section(const char *name) {
  return option_in_section(name) != NULL;
}

void option_example(const struct option *option, const char *section,
                    char text[OPTION_EXAMPLE_BYTES]) {
  size_t digits = strspn(option->value, "0123456789.");
  bool plain = option->type == OPTION_BOOL ||
               (option->type != OPTION_STRING && !option->value[digits]);
  const char *quote = plain ? "" : "\"";
  if (section)
    snprintf(text, OPTION_EXAMPLE_BYTES, "%s = { %s = %s%s%s }", section,
             option->key + strlen(section) + 1, quote, option->value, quote);
  else
    snprintf(text, OPTION_EXAMPLE_BYTES, "%s = %s%s%s", option->key, quote,
             option->value, quote);
}

void option_env_name(const struct option *option, char name[OPTION_ENV_BYTES]) {
  size_t n = sizeof env_prefix - 1;
  memcpy(name, env_prefix, n);
  for (const char *p = option->key; *p && n < OPTION_ENV_BYTES - 1; p++)
    name[n++] = *p == '.' ? '_' : (char)toupper((unsigned char)*p);
  name[n] = '\0';
}
