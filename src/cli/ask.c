/* SPDX-License-Identifier: MIT
 * Asking the server that is running, at its admin address. */
#include "cli/ask.h"

#include "cli/cli.h"
#include "config/address.h"

#include <curl/curl.h>
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
static int make_url(struct buf *url, const char *address, const char *path) {
  char host[HOST_BYTES];
  int port;
  if (!*address)
    return cli_refuse("admin.listen is empty: the server has no admin address; "
                      "send it SIGHUP");
  if (address_unix_path(address)) {
    buf_printf(url, "http://localhost%s", path);
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
  buf_printf(url, strchr(host, ':') ? "http://[%s]:%d%s" : "http://%s:%d%s",
             host, port, path);
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

int cli_unreached(const char *url, const char *why) {
  fprintf(stderr,
          "perigee: %s: %s\n"
          "perigee: is the server running, and is this its admin.listen? "
          "(--admin=host:port, or --config with its file)\n",
          url, why);
  return CLI_UNREACHED;
}

static void set_request(CURL *curl, const char *url, const char *unix_path,
                        bool post) {
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, unix_path);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
  curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* whatever http_proxy says */
  if (post) {
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, 0L);
  }
}

/* Frees `curl`. */
static int perform(CURL *curl, const char *url, long *code,
                   struct buf *answer) {
  int status = CLI_OK;
  char why[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)ANSWER_S);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
  CURLcode result = curl_easy_perform(curl);
  if (result != CURLE_OK)
    status = cli_unreached(url, *why ? why : curl_easy_strerror(result));
  else if (code)
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, code);
  curl_easy_cleanup(curl);
  return status;
}

int cli_fetch(const char *url, long *code, struct buf *answer) {
  CURL *curl = curl_easy_init();
  if (!curl)
    return cli_unreached(url, "libcurl does not start");
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  return perform(curl, url, code, answer);
}

/* --- an answer that goes on ----------------------------------------------- */

struct follower {
  CURL *curl;
  cli_take_fn *take;
  void *arg;
  bool enough;
};

static size_t on_followed(char *bytes, size_t size, size_t count, void *arg) {
  struct follower *follower = arg;
  long code = 0;
  curl_easy_getinfo(follower->curl, CURLINFO_RESPONSE_CODE, &code);
  follower->enough = !follower->take(follower->arg, code, bytes, size * count);
  return follower->enough ? 0 : size * count;
}

static int perform_follow(struct follower *follower, const char *url,
                          struct curl_slist *headers, long *code) {
  char why[CURL_ERROR_SIZE] = "";
  CURL *curl = follower->curl;
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_followed);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, follower);
  CURLcode result = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, code);
  if (result == CURLE_OK || follower->enough)
    return CLI_OK;
  return cli_unreached(url, *why ? why : curl_easy_strerror(result));
}

int cli_follow(const char *admin, const char *path, const char *header,
               cli_take_fn *take, void *arg, long *code) {
  struct buf url = {0};
  int status = make_url(&url, admin, path);
  struct follower follower = {.take = take, .arg = arg};
  if (status == CLI_OK)
    follower.curl = curl_easy_init();
  if (follower.curl) {
    struct curl_slist *headers =
        *header ? curl_slist_append(NULL, header) : NULL;
    set_request(follower.curl, url.data, address_unix_path(admin), false);
    status = perform_follow(&follower, url.data, headers, code);
    curl_slist_free_all(headers);
    curl_easy_cleanup(follower.curl);
  } else if (status == CLI_OK) {
    status = cli_unreached(url.data, "libcurl does not start");
  }
  buf_free(&url);
  return status;
}

/* --- an answer ------------------------------------------------------------ */

static int ask(const char *admin, const char *path, bool post, const char *key,
               long *code, struct buf *url, struct buf *answer) {
  int status = make_url(url, admin, path);
  CURL *curl = status == CLI_OK ? curl_easy_init() : NULL;
  if (status != CLI_OK)
    return status;
  if (!curl)
    return cli_unreached(url->data, "libcurl does not start");
  set_request(curl, url->data, address_unix_path(admin), post);
  if (*key) {
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
    curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, key);
  }
  return perform(curl, url->data, code, answer);
}

int cli_ask(const char *admin, const char *path, bool post, struct buf *url,
            struct buf *answer) {
  return ask(admin, path, post, "", NULL, url, answer);
}

int cli_ask_with_key(const char *admin, const char *path, const char *key,
                     long *code, struct buf *url, struct buf *answer) {
  return ask(admin, path, true, key, code, url, answer);
}
