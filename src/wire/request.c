/* SPDX-License-Identifier: MIT
 * Reading the head of a request.
 *
 * One table says for each byte where it may stand (wire/head_byte). The
 * functions below take the head line by line; what they have not taken is a
 * fault. */
#include "wire/request.h"

#include "wire/head_byte.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

enum { BLANK_LINES_MAX = 8 }; /* before a request (RFC 9112, 2.2) */

/* --- where it ends ------------------------------------------------------ */

/* A line of the PROXY protocol, behind which no empty one comes. */
static bool is_preface(const char *data, size_t len) {
  return len >= 6 && memcmp(data, "PROXY ", 6) == 0;
}

size_t request_length(const char *data, size_t len, size_t seen) {
  const char *end = data + len, *at = data;
  if (len == 0)
    return 0;
  while (at < end && (*at == '\r' || *at == '\n')) /* empty lines before it */
    at++;
  if (at - data > 2 * BLANK_LINES_MAX ||
      (at < end && !head_byte_is(*at, HEAD_TOKEN)) || is_preface(data, len))
    return len;
  /* The last of what was seen may be the begin of the empty line. */
  if (seen > 3 && data + seen - 3 > at)
    at = data + seen - 3;
  while ((at = memchr(at, '\n', (size_t)(end - at)))) {
    at++;
    if (at < end && *at == '\r')
      at++;
    if (at < end && *at == '\n')
      return (size_t)(at + 1 - data);
  }
  return len >= REQUEST_BYTES_MAX ? len : 0;
}

/* --- the first line ----------------------------------------------------- */

static bool fail_head(struct request_fault *fault, unsigned status,
                      const char *text) {
  *fault = (struct request_fault){status, text};
  return false;
}

/* Takes a line, without its end, off the front. */
static bool take_line(struct slice *rest, struct slice *line,
                      struct request_fault *fault) {
  const char *newline = memchr(rest->at, '\n', rest->len);
  if (!newline)
    return fail_head(fault, 400, "the head of the request does not end\n");
  size_t len = (size_t)(newline - rest->at);
  if (len == 0 || rest->at[len - 1] != '\r')
    return fail_head(fault, 400, "a line does not end with CR LF\n");
  *line = (struct slice){rest->at, len - 1};
  *rest = slice_after(*rest, len + 1);
  return true;
}

static bool read_version(struct request *request, struct slice text,
                         struct request_fault *fault) {
  if (text.len != 8 || memcmp(text.at, "HTTP/", 5) != 0 || text.at[6] != '.' ||
      !head_byte_is(text.at[5], HEAD_DIGIT) ||
      !head_byte_is(text.at[7], HEAD_DIGIT))
    return fail_head(fault, 400,
                     "the first line is not that of an HTTP request\n");
  if (text.at[5] != '1')
    return fail_head(fault, 505, "HTTP/1.1 is spoken here\n");
  request->minor = text.at[7] == '0' ? 0 : 1;
  return true;
}

/* Whether its target is a path: not of CONNECT, and of no method that is
 * unknown here. */
static bool has_target(struct slice method) {
  static const char *const methods[] = {"GET",   "HEAD",   "POST",   "PUT",
                                        "PATCH", "DELETE", "OPTIONS"};
  for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
    if (slice_equals(method, methods[i]))
      return true;
  return false;
}

/* "http://host:port/path": what a proxy is asked, and a server has to take
 * (RFC 9112, 3.2.2). Host is ignored then. */
static bool take_authority(struct request *request, struct slice *target) {
  static const char *const schemes[] = {"http://", "https://", "ws://",
                                        "wss://"};
  for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
    size_t len = strlen(schemes[i]);
    if (target->len <= len || strncasecmp(target->at, schemes[i], len) != 0)
      continue;
    *target = slice_after(*target, len);
    request->host = (struct slice){target->at, head_span(*target, HEAD_HOST)};
    request->has_host = true;
    *target = slice_after(*target, request->host.len);
    return request->host.len > 0 &&
           (target->len == 0 || target->at[0] == '/' || target->at[0] == '?');
  }
  return false;
}

static int hex(char c) {
  if (head_byte_is(c, HEAD_DIGIT))
    return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3986, 2.1. A zero would end the path for whoever reads it as text. */
static bool escapes_are_good(struct slice target) {
  for (size_t i = 0; i < target.len; i++) {
    if (target.at[i] != '%')
      continue;
    if (target.len - i < 3)
      return false;
    int high = hex(target.at[i + 1]), low = hex(target.at[i + 2]);
    if (high < 0 || low < 0 || (high == 0 && low == 0))
      return false;
  }
  return true;
}

static bool read_target(struct request *request, struct slice target,
                        struct request_fault *fault) {
  static const char root[] = "/";
  bool good = target.len > 0 && head_span(target, HEAD_TARGET) == target.len;
  if (good && !has_target(request->method))
    return true; /* "host:443": it is refused for its method */
  if (good && slice_equals(request->method, "OPTIONS") &&
      slice_equals(target, "*"))
    return true;
  if (good && target.at[0] != '/')
    good = take_authority(request, &target);
  if (!good)
    return fail_head(fault, 400,
                     "the target is neither a path nor an address\n");
  if (!escapes_are_good(target))
    return fail_head(fault, 400,
                     "the target has an escape that is none, or %00\n");
  const char *mark = memchr(target.at, '?', target.len);
  size_t len = mark ? (size_t)(mark - target.at) : target.len;
  request->path =
      len > 0 ? (struct slice){target.at, len} : (struct slice){root, 1};
  if (mark)
    request->query = slice_after(target, len + 1);
  return true;
}

static bool read_first_line(struct request *request, struct slice line,
                            struct request_fault *fault) {
  static const char what[] = "the first line is not that of an HTTP request\n";
  size_t len = head_span(line, HEAD_TOKEN);
  if (len == 0 || len == line.len || line.at[len] != ' ')
    return fail_head(fault, 400, what);
  if (len > REQUEST_METHOD_MAX)
    return fail_head(fault, 501, "this method is not known here\n");
  request->method = (struct slice){line.at, len};
  line = slice_after(line, len + 1);
  const char *blank = memchr(line.at, ' ', line.len);
  if (!blank)
    return fail_head(fault, 400, what);
  len = (size_t)(blank - line.at);
  return read_version(request, slice_after(line, len + 1), fault) &&
         read_target(request, (struct slice){line.at, len}, fault);
}

/* --- fields ------------------------------------------------------------- */

static bool read_field_line(struct request *request, struct slice line,
                            struct request_fault *fault) {
  size_t len = head_span(line, HEAD_TOKEN);
  if (slice_is_blank(line.at[0]))
    return fail_head(fault, 400, "a header goes on in the next line\n");
  if (len < line.len && slice_is_blank(line.at[len]))
    return fail_head(fault, 400,
                     "a blank stands before the colon of a header\n");
  if (len == 0 || len == line.len || line.at[len] != ':')
    return fail_head(fault, 400,
                     "a header has no name, or no colon behind it\n");
  struct slice value = slice_trim(slice_after(line, len + 1));
  if (head_span(value, HEAD_VALUE) != value.len)
    return fail_head(fault, 400, "a header has a byte that none may have\n");
  if (request->count == REQUEST_FIELDS_MAX)
    return fail_head(fault, 431, "there are more than 100 headers\n");
  request->fields[request->count++] =
      (struct request_field){{line.at, len}, value};
  return true;
}

const struct slice *request_field(const struct request *request,
                                  const char *name) {
  for (size_t i = 0; i < request->count; i++)
    if (slice_is(request->fields[i].name, name))
      return &request->fields[i].value;
  return NULL;
}

/* Those that mean something here, and nothing when there are two. */
static bool check_single(const struct request *request,
                         struct request_fault *fault) {
  static const struct {
    const char *name, *text;
  } single[] = {
      {"host", "there are two Host headers\n"},
      {"content-length", "there are two Content-Length headers\n"},
      {"transfer-encoding", "there are two Transfer-Encoding headers\n"},
      {"origin", "there are two Origin headers\n"},
      {"authorization", "there are two Authorization headers\n"},
      {"sec-websocket-key", "there are two Sec-WebSocket-Key headers\n"},
      {"sec-websocket-version",
       "there are two Sec-WebSocket-Version headers\n"},
  };
  unsigned seen = 0;
  for (size_t i = 0; i < request->count; i++)
    for (size_t k = 0; k < ARRAY_SIZE(single); k++) {
      if (!slice_is(request->fields[i].name, single[k].name))
        continue;
      if (seen & 1U << k)
        return fail_head(fault, 400, single[k].text);
      seen |= 1U << k;
    }
  return true;
}

/* RFC 9112, 3.2: HTTP/1.1 has one, valid and perhaps empty. */
static bool check_host(struct request *request, struct request_fault *fault) {
  const struct slice *host = request_field(request, "host");
  if (!host && request->minor > 0)
    return fail_head(fault, 400, "the Host header is missing\n");
  if (host && head_span(*host, HEAD_HOST) != host->len)
    return fail_head(fault, 400, "the Host header is not host or host:port\n");
  if (host && !request->has_host) {
    request->host = *host;
    request->has_host = true;
  }
  return true;
}

/* RFC 9112, 6: how long the body would be. */
static bool check_body(struct request *request, struct request_fault *fault) {
  const struct slice *length = request_field(request, "content-length");
  const struct slice *coding = request_field(request, "transfer-encoding");
  if (length && coding)
    return fail_head(
        fault, 400,
        "Content-Length and Transfer-Encoding exclude each other\n");
  if (coding && (request->minor == 0 || !slice_is(*coding, "chunked")))
    return fail_head(fault, request->minor == 0 ? 400 : 501,
                     "the only Transfer-Encoding is `chunked`, of HTTP/1.1\n");
  request->chunked = coding != NULL;
  if (!length)
    return true;
  if (length->len == 0 || head_span(*length, HEAD_DIGIT) != length->len)
    return fail_head(fault, 400, "Content-Length is not a number\n");
  for (size_t i = 0; i < length->len; i++) {
    size_t digit = (size_t)(length->at[i] - '0');
    if (request->length > (SIZE_MAX - digit) / 10)
      request->length = SIZE_MAX;
    else
      request->length = request->length * 10 + digit;
  }
  return true;
}

static bool begins(struct slice head, const char *bytes, size_t len) {
  return head.len >= len && memcmp(head.at, bytes, len) == 0;
}

/* What strangers to HTTP begin with: a handshake of TLS, the PROXY protocol. */
static bool check_begin(struct slice head, struct request_fault *fault) {
  static const char proxy[] = "\r\n\r\n\0\r\nQUIT\n";
  if (begins(head, "\x16\x03", 2))
    return fail_head(fault, 400,
                     "this port speaks no TLS: take http:// or ws://\n");
  if (is_preface(head.at, head.len) || begins(head, proxy, sizeof proxy - 1))
    return fail_head(
        fault, 400,
        "the PROXY protocol is taken from `proxy.trusted` only, if "
        "`proxy.header` is proxy-protocol\n");
  return true;
}

static bool read_lines(struct request *request, struct slice rest,
                       struct request_fault *fault) {
  struct slice line;
  int blank = 0;
  do {
    if (!take_line(&rest, &line, fault))
      return false;
  } while (line.len == 0 && ++blank <= BLANK_LINES_MAX);
  if (!read_first_line(request, line, fault))
    return false;
  for (;;) {
    if (!take_line(&rest, &line, fault))
      return false;
    if (line.len == 0)
      return rest.len == 0 ||
             fail_head(fault, 400, "a line does not end with CR LF\n");
    if (!read_field_line(request, line, fault))
      return false;
  }
}

bool request_read(struct request *request, const char *data, size_t len,
                  struct request_fault *fault) {
  struct slice head = {data, len};
  request->method = request->path = request->query = request->host =
      (struct slice){data, 0};
  request->has_host = request->chunked = false;
  request->minor = 1;
  request->length = request->count = 0;
  if (!check_begin(head, fault))
    return false;
  if (len >= REQUEST_BYTES_MAX) /* else it would have ended before */
    return memchr(data, '\n', REQUEST_BYTES_MAX) /* however it came */
               ? fail_head(fault, 431, "the headers are longer than 24 KiB\n")
               : fail_head(fault, 414, "the target is longer than 24 KiB\n");
  return read_lines(request, head, fault) && check_single(request, fault) &&
         check_host(request, fault) && check_body(request, fault);
}

/* --- lists -------------------------------------------------------------- */

static bool list_has(struct slice list, const char *word) {
  while (list.len > 0) {
    const char *comma = memchr(list.at, ',', list.len);
    size_t len = comma ? (size_t)(comma - list.at) : list.len;
    if (slice_is(slice_trim((struct slice){list.at, len}), word))
      return true;
    list = slice_after(list, len + (comma != NULL));
  }
  return false;
}

bool request_has_word(const struct request *request, const char *name,
                      const char *word) {
  for (size_t i = 0; i < request->count; i++)
    if (slice_is(request->fields[i].name, name) &&
        list_has(request->fields[i].value, word))
      return true;
  return false;
}

size_t request_join(const struct request *request, const char *name,
                    const char *between, char *out, size_t cap) {
  size_t len = 0, gap = strlen(between);
  *out = '\0';
  for (size_t i = 0; i < request->count; i++) {
    struct slice value = request->fields[i].value;
    if (value.len == 0 || !slice_is(request->fields[i].name, name))
      continue;
    size_t before = len > 0 ? gap : 0;
    if (len + before + value.len >= cap) {
      *out = '\0';
      return cap;
    }
    memcpy(out + len, between, before);
    memcpy(out + len + before, value.at, value.len);
    len += before + value.len;
    out[len] = '\0';
  }
  return len;
}
