/* SPDX-License-Identifier: MIT
 * The head of requests to a collector. */
#include "config/collector.h"

#include "base/attr.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char traces_path[] = "/v1/traces";

static const char *skip_scheme(const char *text) {
  static const char *const schemes[] = {"http://", "https://"};
  for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
    if (!strncmp(text, schemes[i], strlen(schemes[i])))
      return text + strlen(schemes[i]);
  return NULL;
}

static const char *mistake_of_url(const char *text) {
  const char *host = skip_scheme(text);
  if (!host || !*host)
    return "is no https:// or http:// address: `http://127.0.0.1:4318` is that "
           "of a collector on this machine";
  if (strchr(text, '@') || strchr(text, '#'))
    return "has a user, a password or a `#`: put keys into trace.headers";
  return NULL;
}

void collector_put_url(struct buf *out, const char *text) {
  const char *host = skip_scheme(text);
  const char *path = host ? strpbrk(host, "/?") : NULL;
  size_t len = strlen(text);
  bool bare = !path || !strcmp(path, "/");
  buf_put(out, text, bare && path ? len - 1 : len);
  if (bare)
    buf_puts(out, traces_path);
  buf_putc(out, 0);
}

int collector_url_len(const char *url) {
  return (int)strcspn(url, "?");
}

static bool is_collector_header(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++)
    if (!isalnum((unsigned char)text[i]) &&
        (!text[i] || !strchr("!#$%&'*+-.^_`|~", text[i])))
      return false;
  return len > 0;
}

/* Appends the value and its zero; false if it has what no header may have. */
static bool put_header_value(struct buf *out, const char *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    unsigned char byte = (unsigned char)text[i];
    if (byte == '%' && len - i > 2 && isxdigit((unsigned char)text[i + 1]) &&
        isxdigit((unsigned char)text[i + 2])) {
      char digits[] = {text[i + 1], text[i + 2], 0};
      byte = (unsigned char)strtoul(digits, NULL, 16);
      i += 2;
    }
    if (byte < ' ' || byte == 0x7f)
      return false;
    buf_putc(out, (char)byte);
  }
  buf_putc(out, 0);
  return true;
}

/* One `name=value`, without the space around its parts. */
static const char *put_collector_header(struct buf *out, const char *text,
                                        size_t len) {
  const char *equals = memchr(text, '=', len);
  if (!equals)
    return "expected `name=value,name=value`";
  size_t name_len = (size_t)(equals - text);
  const char *value = equals + 1, *end = text + len;
  while (name_len > 0 && text[name_len - 1] == ' ')
    name_len--;
  while (value < end && *value == ' ')
    value++;
  while (end > value && end[-1] == ' ')
    end--;
  if (!is_collector_header(text, name_len))
    return "what stands before a `=` is no name of a header";
  buf_put(out, text, name_len);
  buf_putc(out, 0);
  if (!put_header_value(out, value, (size_t)(end - value)))
    return "a value has a control character";
  return NULL;
}

const char *collector_put_headers(struct buf *out, const char *text) {
  const char *wrong = NULL;
  while (*text && !wrong) {
    text += strspn(text, " ,");
    size_t len = strcspn(text, ",");
    if (len > 0)
      wrong = put_collector_header(out, text, len);
    text += len;
  }
  return wrong;
}

void collector_check(const struct config *config, struct buf *errors) {
  struct buf headers = {0};
  const char *wrong = collector_put_headers(&headers, config->trace_headers);
  if (wrong)
    buf_printf(errors, "trace.headers: %s\n", wrong);
  buf_free(&headers);
  wrong = *config->trace_otlp ? mistake_of_url(config->trace_otlp) : NULL;
  if (wrong)
    buf_printf(errors, "trace.otlp: `%.*s` %s\n",
               (int)strcspn(config->trace_otlp, "@?#"), config->trace_otlp,
               wrong);
}
