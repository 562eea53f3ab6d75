/* SPDX-License-Identifier: MIT
 * How a request is told to libcurl, and what its results mean. */
#include "net/fetch_setup.h"

#include "base/buf.h"

#include <string.h>
#include <strings.h>

const char *fetch_check_url(const char *text) {
  const char *why = NULL;
  char *scheme = NULL;
  CURLU *url = curl_url();
  CURLUcode code = curl_url_set(url, CURLUPART_URL, text, 0);
  if (code == CURLUE_OK)
    code = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
  if (code != CURLUE_OK)
    why = curl_url_strerror(code);
  else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
    why = "only http:// and https:// can be fetched";
  curl_free(scheme);
  curl_url_cleanup(url);
  return why;
}

static int append_line(struct curl_slist **lines, const char *line) {
  struct curl_slist *longer = curl_slist_append(*lines, line);
  if (longer)
    *lines = longer;
  return longer ? 0 : (int)CURLE_OUT_OF_MEMORY;
}

static int add_header_line(struct curl_slist **lines, const char *name,
                           const char *value) {
  struct buf line = {0};
  if (*value)
    buf_printf(&line, "%s: %s", name, value);
  else
    buf_printf(&line, "%s;", name); /* how libcurl is told of an empty one */
  buf_putc(&line, 0);
  int bad = append_line(lines, line.data);
  buf_free(&line);
  return bad;
}

static int add_headers(struct curl_slist **lines,
                       const struct fetch_request *r) {
  const char *at = r->headers.text, *end = at + r->headers.len;
  bool typed = false;
  int bad = 0;
  while (at < end) {
    const char *value = at + strlen(at) + 1;
    typed = typed || strcasecmp(at, "content-type") == 0;
    bad |= add_header_line(lines, at, value);
    at = value + strlen(value) + 1;
  }
  /* A name with nothing behind it takes out what libcurl would add: that the
   * body is a form, and that it is sent only after a `100 Continue`. */
  if (!typed && r->body_type)
    bad |= add_header_line(lines, "Content-Type", r->body_type);
  else if (!typed)
    bad |= append_line(lines, "Content-Type:");
  return bad | append_line(lines, "Expect:");
}

/* Methods that are about a body have a length, if only 0. */
static bool wants_body(const char *method) {
  return !strcmp(method, "POST") || !strcmp(method, "PUT") ||
         !strcmp(method, "PATCH");
}

static int set_method(CURL *easy, const struct fetch_request *r) {
  const char *body = r->body;
  int bad = 0;
  if (!strcmp(r->method, "HEAD"))
    return (int)curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  if (!body && wants_body(r->method))
    body = "";
  if (body) {
    bad |= (int)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                 (curl_off_t)r->body_len);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body);
  }
  /* A name that is set stays the same over redirects: not for POST. */
  if (strcmp(r->method, body ? "POST" : "GET") != 0)
    bad |= (int)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
  return bad;
}

/* Whom we talk to, and whom we believe. */
static int set_trust(CURL *easy, const char *ca_file) {
  const curl_version_info_data *built = curl_version_info(CURLVERSION_NOW);
  int bad = 0;
  bad |= (int)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  bad |= (int)curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  bad |= (int)curl_easy_setopt(easy, CURLOPT_PROXY, "");
  bad |= (int)curl_easy_setopt(easy, CURLOPT_SSLVERSION,
                               (long)CURL_SSLVERSION_TLSv1_2);
  if (ca_file)
    bad |= (int)curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
  /* The authorities are read once, and not for each connection (some 20 ms),
   * if they come from one file alone. */
  if (ca_file || built->cainfo)
    bad |= (int)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
  return bad;
}

static int set_limits(CURL *easy, const struct fetch_request *r) {
  int bad = 0;
  bad |= (int)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                               (long)CURL_HTTP_VERSION_1_1);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                               (long)r->connect_timeout_ms);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION,
                               r->redirects > 0 ? 1L : 0L);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)r->redirects);
  return bad;
}

int fetch_setup(CURL *easy, const struct fetch_request *r, const char *ca_file,
                struct curl_slist **lines) {
  int bad = add_headers(lines, r);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_URL, r->url);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_USERAGENT,
                               "perigee/" PERIGEE_VERSION);
  bad |= (int)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *lines);
  bad |= set_trust(easy, ca_file);
  bad |= set_limits(easy, r);
  bad |= set_method(easy, r);
  return bad;
}

enum fetch_code fetch_code_of(CURLcode code, bool too_large) {
  switch (code) {
  case CURLE_OK:
    return FETCH_OK;
  case CURLE_WRITE_ERROR:
    return too_large ? FETCH_TOO_LARGE : FETCH_FAILED;
  case CURLE_OPERATION_TIMEDOUT:
    return FETCH_TIMEOUT;
  case CURLE_COULDNT_CONNECT:
    return FETCH_REFUSED;
  case CURLE_COULDNT_RESOLVE_HOST:
    return FETCH_DNS;
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_ISSUER_ERROR:
    return FETCH_TLS;
  default:
    return FETCH_FAILED;
  }
}
