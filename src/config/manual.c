/* SPDX-License-Identifier: MIT
 * The option table for people: help, the page of the manual, values. */
#include "config/manual.h"

#include "config/value.h"

#include <string.h>

/* The width of the widest key. */
static int key_width(void) {
  size_t width = 0;
  for (size_t i = 0; i < OPTION_COUNT; i++)
    if (strlen(option_table[i].key) > width)
      width = strlen(option_table[i].key);
  return (int)width;
}

void manual_help(struct buf *out) {
  int width = key_width();
  for (size_t i = 0; i < OPTION_COUNT; i++) {
    const struct option *option = &option_table[i];
    buf_printf(out, "  --%-*s  %s", width, option->key, option->help);
    if (option->value[0])
      buf_printf(out, " [%s]", option->value);
    if (strcmp(option_default(option, true), option->value) != 0)
      buf_printf(out, " [dev: %s]", option_default(option, true));
    buf_putc(out, '\n');
  }
  buf_printf(out, "  --%-*s  %s [%s, if it exists]\n", width, "config",
             "configuration file", CONFIG_FILE);
}

static const char page_head[] =
    "<!-- Made by `perigee config --markdown` from src/config/options.def. "
    "-->\n"
    "# Configuration\n"
    "\n"
    "An option has a value from the last of these that names it:\n"
    "\n"
    "1. its default;\n"
    "2. the file `" CONFIG_FILE "` of the working directory, or the one that "
    "`--config` or `PERIGEE_CONFIG` names;\n"
    "3. the environment: `limits.burst` is `PERIGEE_LIMITS_BURST`;\n"
    "4. flags: `--limits.burst=20`, `--limits.burst 20`, and for switches "
    "`--watch`, `--no-watch`.\n"
    "\n"
    "A name that is no option is an error, and so is a value out of range. "
    "`perigee config` prints what is in effect and where it came from; "
    "secrets are never printed.\n"
    "\n"
    "## The file\n"
    "\n"
    "It has the syntax of Lua, without its libraries:\n"
    "\n"
    "```lua\n"
    "listen = \"0.0.0.0:8080\"\n"
    "auth.secret = env \"APP_SECRET\"  -- an unset variable assigns nothing\n"
    "limits = { per_user = 3, queue_bytes = 256 * 1024 }\n"
    "origins = { \"https://a.example\", \"https://b.example\" }\n"
    "vars = { motd = \"hello\" }       -- any table: perigee.config of "
    "scripts\n"
    "```\n"
    "\n"
    "Sizes are bytes, or texts such as `\"64KiB\"` and `\"1MiB\"`. Durations "
    "are seconds, also `0.5`, or texts such as `\"500ms\"`, `\"10s\"`, "
    "`\"15m\"`, `\"1h\"`. Lists are tables or texts with commas.\n"
    "\n"
    "## Keys for tokens\n"
    "\n"
    "The server refuses to start without a key, or with a secret that is "
    "shorter than the hash of its algorithm (32, 48, 64 bytes). "
    "`openssl rand -hex 32` makes one that is long enough for all. "
    "Development mode makes a throw-away secret for each run instead.\n"
    "\n"
    "`auth.secret` or `auth.public_key_file` is for tokens of "
    "`auth.algorithm`. A key set (`auth.jwks_url`, `auth.jwks_file`) may be "
    "there as well or instead: each of its keys is for what its `alg` says, or "
    "for all that its type allows, and tokens choose one by their `kid`. With "
    "an `auth.algorithm` that is no HS one, key sets may have no other either. "
    "Files are read again with each reload: to replace a key, first have both "
    "in the file. [tokens.md](tokens.md) has the lines for providers.\n"
    "\n"
    "## Options\n"
    "\n"
    "What has a `+` takes a new value with a reload, as `vars` do; everything "
    "else with a restart (operations.md).\n"
    "\n"
    "| option | default | accepts | | meaning |\n"
    "|---|---|---|---|---|\n";

/* A cell of a table: a bar would end it. */
static void put_cell(const char *text, struct buf *out) {
  for (; *text; text++) {
    if (*text == '|')
      buf_putc(out, '\\');
    buf_putc(out, *text);
  }
}

static void put_default(const struct option *option, struct buf *out) {
  const char *development = option_default(option, true);
  if (option->value[0])
    buf_printf(out, "`%s`", option->value);
  if (strcmp(development, option->value) != 0)
    buf_printf(out, "%sdevelopment: `%s`", option->value[0] ? "; " : "",
               development);
}

void manual_markdown(struct buf *out) {
  buf_puts(out, page_head);
  for (size_t i = 0; i < OPTION_COUNT; i++) {
    const struct option *option = &option_table[i];
    buf_printf(out, "| `%s` | ", option->key);
    put_default(option, out);
    buf_puts(out, " | ");
    value_print_range(option, out);
    buf_puts(out, option->reloadable ? " | + | " : " | | ");
    put_cell(option->help, out);
    buf_puts(out, " |\n");
  }
}

void manual_values(const struct config *cfg, struct buf *out) {
  struct buf values = {0};
  size_t starts[OPTION_COUNT + 1], width = 0;
  buf_grow(&values, 1); /* an empty value needs a place, too */
  for (size_t i = 0; i < OPTION_COUNT; i++) {
    starts[i] = values.len;
    value_print(cfg, &option_table[i], &values);
    if (values.len - starts[i] > width)
      width = values.len - starts[i];
  }
  starts[OPTION_COUNT] = values.len;
  for (size_t i = 0; i < OPTION_COUNT; i++) {
    size_t len = starts[i + 1] - starts[i];
    buf_printf(out, "%-*s  %.*s%*s  %s\n", key_width(), option_table[i].key,
               (int)len, values.data + starts[i], (int)(width - len), "",
               cfg->from[i]);
  }
  buf_free(&values);
}
