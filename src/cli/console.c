/* SPDX-License-Identifier: MIT
 * perigee console: a link that opens the console of the running server once.
 *
 * Only the link goes to standard output, so that a shell can open it. What
 * opens stands behind its #: browsers send that to nobody. */
#include "cli/ask.h"
#include "cli/cli.h"
#include "config/address.h"
#include "config/api_keys.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { KEY_BYTES = 4096 };

/* The first key that may open the console; empty: there is none. */
static void find_admin_key(const char *keys, char key[KEY_BYTES]) {
  struct api_key_entry entry;
  const char *fault;
  *key = '\0';
  while (api_keys_next(&keys, &entry, &fault))
    if (entry.groups & API_ADMIN && entry.key_len < KEY_BYTES) {
      memcpy(key, entry.key, entry.key_len);
      key[entry.key_len] = '\0';
      return;
    }
}

static int refuse_link(const json_t *answer, long code, bool has_key) {
  const char *detail = json_string_value(json_object_get(answer, "detail"));
  if (code == 401 && !has_key)
    fputs("perigee: the server has keys that are not in this configuration: "
          "name one with `admin` in api.keys\n",
          stderr);
  else if (code == 404 || !detail)
    fputs("perigee: there is no console there: it needs one of api.keys, with "
          "`admin`\n",
          stderr);
  else
    fprintf(stderr, "perigee: %s\n", detail);
  return CLI_FAILED;
}

/* `url` is that of the request. */
static int print_link(const struct buf *url, const json_t *answer) {
  const char *secret = json_string_value(json_object_get(answer, "link"));
  const char *end = strstr(url->data, "/console/link");
  struct buf out = {0};
  if (!end)
    return CLI_FAILED;
  buf_printf(&out, "%.*s/#link=%s\n", (int)(end - url->data), url->data,
             secret);
  int status = cli_print(&out);
  if (status == CLI_OK)
    fputs("(opens the console once, within two minutes)\n", stderr);
  return status;
}

static int ask_for_link(const char *admin, const char *key) {
  struct buf url = {0}, answer = {0};
  long code = 0;
  int status =
      cli_ask_with_key(admin, "/console/link", key, &code, &url, &answer);
  if (status == CLI_OK) {
    json_t *json =
        json_loadb(answer.len ? answer.data : "", answer.len, 0, NULL);
    status = code == 200 && json ? print_link(&url, json)
                                 : refuse_link(json, code, *key != '\0');
    json_decref(json);
  }
  if (answer.data)
    explicit_bzero(answer.data, answer.len);
  buf_free(&answer);
  buf_free(&url);
  return status;
}

int cli_console(int argc, char **argv) {
  struct config *config = NULL;
  char key[KEY_BYTES];
  const char *admin = cli_take(&argc, argv, "admin");
  int status = cli_load(CONFIG_PRODUCTION, argc, argv, &config);
  if (status != CLI_OK)
    return status;
  if (!admin)
    admin = config->admin_listen;
  find_admin_key(config->api_keys, key);
  if (address_unix_path(admin))
    status = cli_refuse("browsers cannot open %s: give the server an "
                        "admin.listen with a port",
                        admin);
  else
    status = ask_for_link(admin, key);
  explicit_bzero(key, sizeof key);
  config_free(config);
  return status;
}
