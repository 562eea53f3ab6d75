/* SPDX-License-Identifier: MIT
 * The configuration, read again while the server runs.
 *
 * A configuration that is in use is never written to. A reload makes a whole
 * new one, and so nobody needs a lock to read an option, and nobody reads half
 * of an old configuration and half of a new one. Each holder keeps his own:
 * the reloader the live one, a generation the one it was built with, a worker
 * the one of its live generation. The last holder frees it (config_free). So
 * for a while two are in use, by a retiring generation and the live one.
 *
 * All sources are read, as at the start: what stood in a flag then still wins.
 * Then the new one is compared with the live one, option by option, and the
 * FIXED ones are copied back from the live one. So the new snapshot says what
 * is true of this process, and not what the file says: "listen" in it is where
 * it listens. What was copied back is told, so that nobody believes it was
 * taken. A secret that development mode has made up is copied back as well:
 * another one would make every token of this run worthless.
 *
 * check_config looks at the result, after all this: it may be valid only with
 * an old value beside a new one, or not be valid because of that. */
#include "config/renewal.h"

#include "base/err.h"
#include "base/mem.h"
#include "config/check.h"
#include "config/value.h"

#include <jansson.h>
#include <string.h>

static void list_key(struct buf *keys, const char *key) {
  if (keys->len > 0)
    buf_putc(keys, ' ');
  buf_puts(keys, key);
}

static void keep(struct config *next, const struct config *live, size_t at) {
  value_copy(next, live, &option_table[at]);
  mem_free(next->from[at]);
  next->from[at] = mem_strdup(live->from[at]);
}

/* A secret that was made up is made up again, as another one. */
static bool is_made_up(const struct config *next, const struct config *live,
                       size_t at) {
  return strcmp(next->from[at], CONFIG_MADE) == 0 &&
         strcmp(live->from[at], CONFIG_MADE) == 0;
}

static void compare_option(struct renewal *renewal, const struct config *live,
                           size_t at) {
  const struct option *option = &option_table[at];
  struct config *next = renewal->config;
  if (is_made_up(next, live, at)) {
    keep(next, live, at);
  } else if (!value_equal(next, live, option)) {
    list_key(option->reloadable ? &renewal->changed : &renewal->kept,
             option->key);
    if (!option->reloadable)
      keep(next, live, at);
  }
}

/* The members of an object come in any order. */
static bool same_json(const char *a, const char *b) {
  json_t *x = json_loads(a, 0, NULL), *y = json_loads(b, 0, NULL);
  bool same = json_equal(x, y);
  json_decref(x);
  json_decref(y);
  return same;
}

int renewal_read(struct renewal *renewal, const struct config_args *args,
                 const struct config *live, struct buf *errors) {
  *renewal = (struct renewal){.config = config_load(args, errors)};
  if (!renewal->config)
    return ERR_CONFIG;
  for (size_t i = 0; i < OPTION_COUNT; i++)
    compare_option(renewal, live, i);
  if (!same_json(renewal->config->vars_json, live->vars_json))
    list_key(&renewal->changed, "vars");
  return check_config(renewal->config, args->mode, errors);
}

void renewal_free(struct renewal *renewal) {
  config_free(renewal->config);
  buf_free(&renewal->changed);
  buf_free(&renewal->kept);
  *renewal = (struct renewal){0};
}
