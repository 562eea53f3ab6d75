/* SPDX-License-Identifier: MIT
 * perigee api: what backends may ask. */
#include "api/manual.h"
#include "cli/cli.h"

#include <stdio.h>

int cli_api(int argc, char **argv) {
  struct buf out = {0};
  bool markdown = cli_take_switch(&argc, argv, "markdown");
  if (argc > 0) {
    fprintf(stderr, "perigee api: unexpected argument `%s`\n", argv[0]);
    return CLI_USAGE;
  }
  if (markdown)
    api_manual_markdown(&out);
  else
    api_manual_openapi(&out);
  if (!markdown)
    buf_putc(&out, '\n');
  return cli_print(&out);
}
