/* SPDX-License-Identifier: MIT
 * perigee describe, perigee types: what the scripts declare, for others. */
#include "cli/cli.h"
#include "cli/interface.h"

#include <string.h>

/* A name, and the module of lua/perigee that writes it. */
struct format {
  const char *name, *module;
};

static const struct format formats[] = {
    {"markdown", "markdown"},
    {"asyncapi", "asyncapi"},
    {"openapi", "openapi"},
    {"json-schema", "json_schema"},
};

static const struct format *find_format(const char *name) {
  for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
    if (!strcmp(formats[i].name, name))
      return &formats[i];
  return NULL;
}

/* Puts what the module makes of the scripts' document where `path` says. */
static int put_description(const char *module, const char *path, int argc,
                           char **argv) {
  struct buf document = {0}, out = {0};
  int status = interface_load(argc, argv, &document);
  if (status == CLI_OK) {
    struct tool_text texts[] = {
        {document.data, document.len},
        {PERIGEE_VERSION, strlen(PERIGEE_VERSION)},
    };
    status = interface_run(module, texts, ARRAY_SIZE(texts), &out);
  }
  buf_free(&document);
  if (status == CLI_OK)
    return interface_put(path, &out);
  buf_free(&out);
  return status;
}

int cli_describe(int argc, char **argv) {
  const char *name = cli_take(&argc, argv, "format");
  const char *path = cli_take(&argc, argv, "out");
  const struct format *format = find_format(name ? name : "markdown");
  if (!format)
    return cli_refuse("--format is markdown, asyncapi, openapi or "
                      "json-schema, not %s",
                      name);
  return put_description(format->module, path, argc, argv);
}

int cli_types(int argc, char **argv) {
  const char *path = cli_take(&argc, argv, "out");
  return put_description("types", path, argc, argv);
}
