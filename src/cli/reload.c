/* SPDX-License-Identifier: MIT
 * perigee reload: asks the running server to load its scripts, and prints
 * what came of it. */
#include "base/err.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "config/address.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum {
  HOST_BYTES = 256,
  CONNECT_MS = 3000,
  ANSWER_S = 60, /* a worker may be busy, and so may those who asked before */
  ANSWER_BYTES_MAX = 8 << 20,
};

/* --- where -------------------------------------------------------------- */

/* The URL of what listens on `address`: an address that means all of them is
 * asked on this machine. */
static int make_url(struct buf *url, const char *address, bool check) {
  char host[HOST_BYTES];
  int port;
  if (!*address)
    return cli_refuse("admin.listen is empty: the server has no admin address; "
                      "send it SIGHUP");
  if (address_unix_path(address)) {
    buf_puts(url, check ? "http://localhost/reload?check=1"
                        : "http://localhost/reload");
    buf_putc(url, 0);
    return CLI_OK;
  }
  if (address_split(address, host, sizeof host, &port))
    return cli_refuse("not host:port, nor unix:/path: %s", address);
  if (port == 0)
    return cli_refuse("which port? Its log says admin=HOST:PORT: give that as "
                      "--admin instead of %s",
                      address);
  if (!*host || !strcmp(host, "0.0.0.0"))
    strcpy(host, "127.0.0.1");
  if (!strcmp(host, "::"))
    strcpy(host, "::1");
  buf_printf(url, strchr(host, ':') ? "http://[%s]:%d" : "http://%s:%d", host,
             port);
  buf_puts(url, check ? "/reload?check=1" : "/reload");
  buf_putc(url, 0);
  return CLI_OK;
}

/* --- asking ------------------------------------------------------------- */

static size_t on_bytes(char *bytes, size_t size, size_t count, void *arg) {
  struct buf *answer = arg;
  if (answer->len + size * count > ANSWER_BYTES_MAX)
    return 0; /* that makes it fail */
  buf_put(answer, bytes, size * count);
  return size * count;
}

static int unreached(const char *url, const char *why) {
  fprintf(stderr,
          "perigee: %s: %s\n"
          "perigee: is the server running, and is this its admin.listen? "
          "(--admin=host:port, or --config with its file)\n",
          url, why);
  return CLI_UNREACHED;
}

static int ask_admin(const char *url, const char *unix_path,
                     struct buf *answer) {
  int status = CLI_OK;
  char why[CURL_ERROR_SIZE] = "";
  CURL *curl = curl_easy_init();
  if (!curl)
    return unreached(url, "libcurl does not start");
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, unix_path);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
  curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* whatever http_proxy says */
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_POST, 1L);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, 0L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)ANSWER_S);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
  CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK)
    status = unreached(url, *why ? why : curl_easy_strerror(code));
  curl_easy_cleanup(curl);
  return status;
}

/* --- telling ------------------------------------------------------------ */

static const char *answer_text(const json_t *answer, const char *key) {
  const char *text = json_string_value(json_object_get(answer, key));
  return text ? text : "";
}

static long long int_of(const json_t *answer, const char *key) {
  return (long long)json_integer_value(json_object_get(answer, key));
}

static void print_names(const json_t *answer, const char *key) {
  const json_t *list = json_object_get(answer, key);
  if (json_array_size(list) == 0)
    return;
  printf("  %-8s", key);
  for (size_t i = 0; i < json_array_size(list); i++)
    printf("%s%s", i ? ", " : " ", json_string_value(json_array_get(list, i)));
  putchar('\n');
}

static int print_success(const json_t *answer, bool check) {
  printf(check ? "the scripts are good, generation %lld goes on"
               : "generation %lld is live",
         int_of(answer, "generation"));
  printf(": %lld files, %lld handlers, %.1f ms\n", int_of(answer, "files"),
         int_of(answer, "handlers"),
         json_number_value(json_object_get(answer, "ms")));
  print_names(answer, "added");
  print_names(answer, "removed");
  print_names(answer, "changed");
  print_names(answer, "options");
  print_names(answer, "restart");
  return fflush(stdout) ? CLI_FAILED : CLI_OK;
}

static int print_failure(const json_t *answer) {
  const char *file = answer_text(answer, "file");
  long long line = int_of(answer, "line");
  fputs("perigee: ", stderr);
  if (*file && line > 0)
    fprintf(stderr, "%s:%lld: ", file, line);
  else if (*file)
    fprintf(stderr, "%s: ", file);
  fprintf(stderr, "%s\n", answer_text(answer, "message"));
  if (json_is_true(json_object_get(answer, "live")))
    fprintf(stderr,
            "perigee: generation %lld is live all the same, as the one before "
            "was stopped\n",
            int_of(answer, "generation"));
  else if (int_of(answer, "generation") > 0)
    fprintf(stderr, "perigee: nothing has changed, generation %lld goes on\n",
            int_of(answer, "generation"));
  return CLI_FAILED;
}

static int print_answer(const char *url, const struct buf *bytes, bool check) {
  int status;
  json_t *answer =
      json_loadb(bytes->len ? bytes->data : "", bytes->len, 0, NULL);
  const json_t *ok = json_object_get(answer, "ok");
  if (!json_is_boolean(ok))
    status = unreached(url, "what answers there is no admin address");
  else
    status =
        json_is_true(ok) ? print_success(answer, check) : print_failure(answer);
  json_decref(answer);
  return status;
}

int cli_reload(int argc, char **argv) {
  struct config *config = NULL;
  struct buf url = {0}, answer = {0};
  bool check = cli_take_switch(&argc, argv, "check");
  const char *admin = cli_take(&argc, argv, "admin");
  int status = cli_load(CONFIG_PRODUCTION, argc, argv, &config);
  if (status != CLI_OK)
    return status;
  if (!admin)
    admin = config->admin_listen;
  status = make_url(&url, admin, check);
  if (status == CLI_OK)
    status = ask_admin(url.data, address_unix_path(admin), &answer);
  if (status == CLI_OK)
    status = print_answer(url.data, &answer, check);
  buf_free(&url);
  buf_free(&answer);
  config_free(config);
  return status;
}
