/* SPDX-License-Identifier: MIT
 * Option values as text: reading, writing, ranges. */
#include "config/value.h"

#include "base/err.h"
#include "base/mem.h"
#include "config/api_keys.h"
#include "config/redis_url.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct unit {
  const char *suffix;
  double factor;
};

static const struct unit byte_units[] = {{"", 1},
                                         {"B", 1},
                                         {"KiB", 1024},
                                         {"MiB", 1024.0 * 1024},
                                         {"GiB", 1024.0 * 1024 * 1024},
                                         {NULL, 0}};

static const struct unit time_units[] = {{"", 1},   {"ms", 0.001}, {"s", 1},
                                         {"m", 60}, {"h", 3600},   {"d", 86400},
                                         {NULL, 0}};

static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

static void *field(const struct config *cfg, const struct option *option) {
  return (char *)cfg + option->offset;
}

/* A decimal number that is not negative, then one of the units. strtod alone
 * would also take "inf", "0x10" and leading spaces. */
static int number(const char *text, const struct unit *units, double *value) {
  if (!isdigit((unsigned char)text[0]) || tolower(text[1]) == 'x')
    return ERR_CONFIG;
  char *end;
  double n = strtod(text, &end);
  for (; units->suffix; units++)
    if (strcasecmp(end, units->suffix) == 0) {
      *value = n * units->factor;
      return isfinite(*value) ? 0 : ERR_CONFIG;
    }
  return ERR_CONFIG;
}

int value_seconds(const char *text, double *seconds) {
  return number(text, time_units, seconds);
}

int value_choice(const char *choices, const char *text) {
  size_t len = strlen(text);
  for (int i = 0;; i++) {
    size_t n = strcspn(choices, "|");
    if (n == len && memcmp(choices, text, len) == 0)
      return i;
    if (choices[n] == '\0')
      return -1;
    choices += n + 1;
  }
}

static int number_in_range(const struct option *option, const char *text,
                           double *value) {
  const struct unit *units = option->type == OPTION_SIZE      ? byte_units
                             : option->type == OPTION_SECONDS ? time_units
                                                              : no_units;
  if (number(text, units, value) < 0)
    return ERR_CONFIG;
  if (option->type != OPTION_SECONDS && option->type != OPTION_SHARE &&
      floor(*value) != *value)
    return ERR_CONFIG;
  return *value >= option->min && *value <= option->max ? 0 : ERR_CONFIG;
}

static int set_number(void *at, const struct option *option, const char *text) {
  double value;
  if (number_in_range(option, text, &value) < 0)
    return ERR_CONFIG;
  if (option->type == OPTION_SIZE)
    *(size_t *)at = (size_t)value;
  else if (option->type == OPTION_INT)
    *(int *)at = (int)value;
  else
    *(double *)at = value;
  return 0;
}

static int set_bool(bool *at, const char *text) {
  int i = value_choice("false|true|off|on|no|yes|0|1", text);
  if (i < 0)
    return ERR_CONFIG;
  *at = i % 2;
  return 0;
}

static int set_choice(int *at, const char *choices, const char *text) {
  int i = value_choice(choices, text);
  if (i < 0)
    return ERR_CONFIG;
  *at = i;
  return 0;
}

static void free_list(char **list) {
  for (char **item = list; item && *item; item++)
    mem_free(*item);
  mem_free(list);
}

/* Comma separated; spaces around items and empty items do not count. */
static char **split_list(const char *text) {
  size_t n = 1, used = 0;
  for (const char *p = text; *p; p++)
    n += *p == ',';
  char **list = mem_alloc((n + 1) * sizeof *list);
  for (;;) {
    text += strspn(text, " \t");
    size_t raw = strcspn(text, ","), len = raw;
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
      len--;
    if (len > 0)
      list[used++] = mem_strndup(text, len);
    if (text[raw] == '\0')
      return list;
    text += raw + 1;
  }
}

static int set_field(struct config *cfg, const struct option *option,
                     const char *text) {
  void *at = field(cfg, option);
  switch (option->type) {
  case OPTION_STRING:
  case OPTION_SECRET:
  case OPTION_KEYS:
  case OPTION_URLS:
    value_clear(cfg, option);
    *(char **)at = mem_strdup(text);
    return 0;
  case OPTION_LIST:
    value_clear(cfg, option);
    *(char ***)at = split_list(text);
    return 0;
  case OPTION_BOOL:
    return set_bool(at, text);
  case OPTION_ENUM:
    return set_choice(at, option->choices, text);
  case OPTION_INT:
  case OPTION_SIZE:
  case OPTION_SECONDS:
  case OPTION_SHARE:
    return set_number(at, option, text);
  }
  return ERR_CONFIG;
}

int value_set(struct config *cfg, const struct option *option, const char *text,
              struct buf *why) {
  if (set_field(cfg, option, text) == 0)
    return 0;
  bool word = option->type == OPTION_BOOL || option->type == OPTION_ENUM;
  buf_puts(why, word ? "must be " : "must be a number from ");
  value_print_range(option, why);
  return ERR_CONFIG;
}

static void print_size(size_t bytes, struct buf *out) {
  static const char *const units[] = {"", "KiB", "MiB", "GiB"};
  size_t i = 0;
  for (; i + 1 < ARRAY_SIZE(units) && bytes && bytes % 1024 == 0; i++)
    bytes /= 1024;
  buf_printf(out, "%zu%s", bytes, units[i]);
}

static void print_choice(const char *choices, int index, struct buf *out) {
  for (; index > 0; index--)
    choices += strcspn(choices, "|") + 1;
  buf_put(out, choices, strcspn(choices, "|"));
}

static void print_items(char *const *list, struct buf *out) {
  for (char *const *item = list; item && *item; item++)
    buf_printf(out, "%s%s", item == list ? "" : ",", *item);
}

static void print_secret(const char *text, struct buf *out) {
  if (text[0])
    buf_printf(out, "(set, %zu bytes)", strlen(text));
}

void value_print(const struct config *cfg, const struct option *option,
                 struct buf *out) {
  void *at = field(cfg, option);
  switch (option->type) {
  case OPTION_STRING:
    buf_puts(out, *(char **)at);
    break;
  case OPTION_SECRET:
    print_secret(*(char **)at, out);
    break;
  case OPTION_KEYS:
    api_keys_print(*(char **)at, out);
    break;
  case OPTION_URLS:
    redis_url_print(*(char **)at, out);
    break;
  case OPTION_LIST:
    print_items(*(char ***)at, out);
    break;
  case OPTION_BOOL:
    buf_puts(out, *(bool *)at ? "true" : "false");
    break;
  case OPTION_ENUM:
    print_choice(option->choices, *(int *)at, out);
    break;
  case OPTION_INT:
    buf_printf(out, "%d", *(int *)at);
    break;
  case OPTION_SIZE:
    print_size(*(size_t *)at, out);
    break;
  case OPTION_SECONDS:
  case OPTION_SHARE:
    buf_printf(out, "%g", *(double *)at);
    break;
  }
}

static void print_choices(const char *choices, struct buf *out) {
  for (;;) {
    size_t n = strcspn(choices, "|");
    buf_put(out, choices, n);
    if (choices[n] == '\0')
      return;
    choices += n + 1;
    buf_puts(out, strchr(choices, '|') ? ", " : " or ");
  }
}

void value_print_range(const struct option *option, struct buf *out) {
  switch (option->type) {
  case OPTION_STRING:
  case OPTION_SECRET:
  case OPTION_KEYS:
  case OPTION_URLS:
  case OPTION_LIST:
    break;
  case OPTION_BOOL:
    buf_puts(out, "true or false");
    break;
  case OPTION_ENUM:
    print_choices(option->choices, out);
    break;
  case OPTION_SIZE:
    print_size((size_t)option->min, out);
    buf_puts(out, " to ");
    print_size((size_t)option->max, out);
    break;
  case OPTION_INT:
  case OPTION_SECONDS:
  case OPTION_SHARE:
    buf_printf(out, "%.9g to %.9g", option->min, option->max);
    break;
  }
}

void value_clear(struct config *cfg, const struct option *option) {
  char **text = field(cfg, option);
  switch (option->type) {
  case OPTION_SECRET:
  case OPTION_KEYS:
  case OPTION_URLS:
    if (*text)
      explicit_bzero(*text, strlen(*text));
    mem_free(*text);
    *text = NULL;
    break;
  case OPTION_STRING:
    mem_free(*text);
    *text = NULL;
    break;
  case OPTION_LIST:
    free_list(*(char ***)field(cfg, option));
    *(char ***)field(cfg, option) = NULL;
    break;
  default: /* numbers own nothing */
    break;
  }
}

static bool lists_equal(char *const *a, char *const *b) {
  for (; *a && *b; a++, b++)
    if (strcmp(*a, *b) != 0)
      return false;
  return !*a && !*b;
}

bool value_equal(const struct config *a, const struct config *b,
                 const struct option *option) {
  const void *x = field(a, option), *y = field(b, option);
  switch (option->type) {
  case OPTION_STRING:
  case OPTION_SECRET:
  case OPTION_KEYS:
  case OPTION_URLS:
    return strcmp(*(char *const *)x, *(char *const *)y) == 0;
  case OPTION_LIST:
    return lists_equal(*(char **const *)x, *(char **const *)y);
  case OPTION_BOOL:
    return *(const bool *)x == *(const bool *)y;
  case OPTION_INT:
  case OPTION_ENUM:
    return *(const int *)x == *(const int *)y;
  case OPTION_SIZE:
    return *(const size_t *)x == *(const size_t *)y;
  case OPTION_SECONDS:
  case OPTION_SHARE:
    return *(const double *)x == *(const double *)y;
  }
  return false;
}

static char **copy_list(char *const *list) {
  size_t n = 0;
  while (list[n])
    n++;
  char **copy = mem_alloc((n + 1) * sizeof *copy);
  for (size_t i = 0; i < n; i++)
    copy[i] = mem_strdup(list[i]);
  return copy;
}

void value_copy(struct config *to, const struct config *from,
                const struct option *option) {
  void *at = field(to, option);
  const void *source = field(from, option);
  value_clear(to, option);
  switch (option->type) {
  case OPTION_STRING:
  case OPTION_SECRET:
  case OPTION_KEYS:
  case OPTION_URLS:
    *(char **)at = mem_strdup(*(char *const *)source);
    break;
  case OPTION_LIST:
    *(char ***)at = copy_list(*(char **const *)source);
    break;
  case OPTION_BOOL:
    *(bool *)at = *(const bool *)source;
    break;
  case OPTION_INT:
  case OPTION_ENUM:
    *(int *)at = *(const int *)source;
    break;
  case OPTION_SIZE:
    *(size_t *)at = *(const size_t *)source;
    break;
  case OPTION_SECONDS:
  case OPTION_SHARE:
    *(double *)at = *(const double *)source;
    break;
  }
}
