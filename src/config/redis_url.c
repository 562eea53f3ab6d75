/* SPDX-License-Identifier: MIT
 * The URLs of Redis, as text: where it is, who we are there. */
#include "config/redis_url.h"

#include "base/err.h"
#include "base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* What is left of the URL. */
struct rest {
  const char *at;
  size_t len;
};

static const char forms[] =
    "write `redis://host:6379`, `rediss://host:6379` (TLS), "
    "`unix:///run/redis.sock`, `redis+sentinel://a:26379,b:26379/mymaster` or "
    "`redis+cluster://a:6379,b:6379`";

static bool take_prefix(struct rest *rest, const char *prefix) {
  size_t len = strlen(prefix);
  if (rest->len < len || strncasecmp(rest->at, prefix, len) != 0)
    return false;
  rest->at += len;
  rest->len -= len;
  return true;
}

/* What stands before the first byte of `stops`, or before the end. */
static struct rest take_until(struct rest *rest, const char *stops) {
  struct rest taken = {rest->at, 0};
  while (taken.len < rest->len && !strchr(stops, rest->at[taken.len]))
    taken.len++;
  rest->at += taken.len;
  rest->len -= taken.len;
  return taken;
}

/* What stands behind the last `@` of the authority is the host. */
static const char *last_at(struct rest rest) {
  struct rest authority = take_until(&rest, "/?");
  return memrchr(authority.at, '@', authority.len);
}

static int url_hex(char c) {
  return isdigit((unsigned char)c)    ? c - '0'
         : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
                                      : -1;
}

/* NULL when a %XX is none, or is %00. */
static char *url_unescape(struct rest text) {
  char *out = mem_strndup(text.at, text.len), *to = out;
  for (size_t i = 0; i < text.len; i++) {
    if (text.at[i] != '%') {
      *to++ = text.at[i];
      continue;
    }
    int high = i + 2 < text.len ? url_hex(text.at[i + 1]) : -1;
    int low = high >= 0 ? url_hex(text.at[i + 2]) : -1;
    if (low < 0 || high + low == 0) {
      mem_free(out);
      return NULL;
    }
    *to++ = (char)(high * 16 + low);
    i += 2;
  }
  *to = '\0';
  return out;
}

/* user:password@, :password@ or password-less user@ */
static int parse_user(struct rest *rest, struct redis_url *url,
                      struct buf *why) {
  const char *at = last_at(*rest);
  if (!at)
    return 0;
  struct rest all = {rest->at, (size_t)(at - rest->at)};
  struct rest user = take_until(&all, ":");
  rest->len -= (size_t)(at + 1 - rest->at);
  rest->at = at + 1;
  if (all.len > 0) {
    url->password = url_unescape((struct rest){all.at + 1, all.len - 1});
    if (!url->password) {
      buf_puts(why, "a % in the password is written %25");
      return ERR_CONFIG;
    }
  }
  if (user.len == 0)
    return 0;
  url->user = url_unescape(user);
  if (!url->user || !url->password) {
    buf_puts(why, "before the `@` stands `user:password`, or `:password`");
    return ERR_CONFIG;
  }
  return 0;
}

static bool parse_number(struct rest text, int max, int *number) {
  int value = 0;
  if (text.len == 0 || text.len > 6)
    return false;
  for (size_t i = 0; i < text.len; i++) {
    if (!isdigit((unsigned char)text.at[i]))
      return false;
    value = value * 10 + (text.at[i] - '0');
  }
  *number = value;
  return value <= max;
}

/* host, host:port, [v6]:port */
static int parse_host(struct rest text, int port, struct redis_url *url,
                      struct buf *why) {
  struct redis_host *host = &url->hosts[url->host_count];
  struct rest name, rest = text;
  bool ok = true;
  if (rest.len > 0 && *rest.at == '[') {
    rest.at++, rest.len--;
    name = take_until(&rest, "]");
    ok = take_prefix(&rest, "]");
  } else {
    name = take_until(&rest, ":");
  }
  host->port = port;
  ok = ok && name.len > 0;
  if (ok && rest.len > 0)
    ok = *rest.at == ':' &&
         parse_number((struct rest){rest.at + 1, rest.len - 1}, 65535,
                      &host->port) &&
         host->port > 0;
  if (!ok) {
    buf_printf(why, "`%.*s` is not `host:port` or `[ipv6]:port`", (int)text.len,
               text.at);
    return ERR_CONFIG;
  }
  host->name = mem_strndup(name.at, name.len);
  url->host_count++;
  return 0;
}

/* "/0", or nothing. */
static int parse_db(struct rest text, struct redis_url *url, struct buf *why) {
  if (text.len > 0 && *text.at == '/')
    text.at++, text.len--;
  if (text.len == 0 || parse_number(text, 99999, &url->db))
    return 0;
  buf_printf(why, "`%.*s` is no number of a database", (int)text.len, text.at);
  return ERR_CONFIG;
}

static int parse_server(struct rest rest, struct redis_url *url,
                        struct buf *why) {
  struct rest host = take_until(&rest, "/?");
  if (parse_host(host, REDIS_PORT, url, why) < 0)
    return ERR_CONFIG;
  return parse_db(rest, url, why);
}

static int parse_socket(struct rest rest, struct redis_url *url,
                        struct buf *why) {
  struct rest path = take_until(&rest, "?");
  if (path.len == 0 || *path.at != '/' || path.len > 107) {
    buf_puts(why, "a socket is written `unix:///run/redis.sock`: a path from "
                  "`/` on, of at most 107 bytes");
    return ERR_CONFIG;
  }
  url->path = mem_strndup(path.at, path.len);
  if (rest.len > 0 && !take_prefix(&rest, "?db=")) {
    buf_puts(why, "behind a socket's path stands nothing but `?db=1`");
    return ERR_CONFIG;
  }
  return parse_db(rest, url, why);
}

/* a:1,b:2 */
static int parse_hosts(struct rest *rest, int port, struct redis_url *url,
                       struct buf *why) {
  do {
    struct rest host = take_until(rest, ",/?");
    if (url->host_count == REDIS_HOSTS_MAX) {
      buf_printf(why, "there are more than %d servers in one URL",
                 REDIS_HOSTS_MAX);
      return ERR_CONFIG;
    }
    if (parse_host(host, port, url, why) < 0)
      return ERR_CONFIG;
  } while (take_prefix(rest, ","));
  return 0;
}

static int parse_sentinels(struct rest rest, struct redis_url *url,
                           struct buf *why) {
  if (parse_hosts(&rest, REDIS_SENTINEL_PORT, url, why) < 0)
    return ERR_CONFIG;
  if (!take_prefix(&rest, "/") || rest.len == 0 || *rest.at == '/') {
    buf_puts(why, "behind the Sentinels stands the name of their master: "
                  "`/mymaster`");
    return ERR_CONFIG;
  }
  struct rest name = take_until(&rest, "/");
  url->master = mem_strndup(name.at, name.len);
  return parse_db(rest, url, why);
}

static int parse_cluster(struct rest rest, struct redis_url *url,
                         struct buf *why) {
  url->cluster = true;
  if (parse_hosts(&rest, REDIS_PORT, url, why) < 0 ||
      parse_db(rest, url, why) < 0)
    return ERR_CONFIG;
  if (url->db == 0)
    return 0;
  buf_puts(why, "a cluster has no database but 0: leave the number out");
  return ERR_CONFIG;
}

typedef int parse_rest_fn(struct rest rest, struct redis_url *url,
                          struct buf *why);

static const struct scheme {
  const char *prefix;
  bool tls;
  parse_rest_fn *parse;
} schemes[] = {
    {"redis://", false, parse_server},
    {"rediss://", true, parse_server},
    {"unix://", false, parse_socket},
    {"redis+sentinel://", false, parse_sentinels},
    {"rediss+sentinel://", true, parse_sentinels},
    {"redis+cluster://", false, parse_cluster},
    {"rediss+cluster://", true, parse_cluster},
};

static int parse_url(struct rest rest, struct redis_url *url, struct buf *why) {
  const struct scheme *scheme = schemes, *end = schemes + ARRAY_SIZE(schemes);
  while (scheme < end && !take_prefix(&rest, scheme->prefix))
    scheme++;
  if (scheme == end) {
    buf_puts(why, forms);
    return ERR_CONFIG;
  }
  url->tls = scheme->tls;
  if (parse_user(&rest, url, why) < 0)
    return ERR_CONFIG;
  /* Else the rest of a password would be taken for a host, and be shown. */
  if (scheme->parse != parse_socket && memchr(rest.at, '@', rest.len)) {
    buf_puts(why, "a `/` in the password is written %2F, a `?` %3F");
    return ERR_CONFIG;
  }
  return scheme->parse(rest, url, why);
}

int redis_url_parse(const char *text, size_t len, struct redis_url *url,
                    struct buf *why) {
  *url = (struct redis_url){0};
  if (parse_url((struct rest){text, len}, url, why) == 0)
    return 0;
  redis_url_free(url);
  return ERR_CONFIG;
}

void redis_url_free(struct redis_url *url) {
  for (size_t i = 0; i < url->host_count; i++)
    mem_free(url->hosts[i].name);
  if (url->password)
    explicit_bzero(url->password, strlen(url->password));
  mem_free(url->password);
  mem_free(url->user);
  mem_free(url->path);
  mem_free(url->master);
  *url = (struct redis_url){0};
}

/* Whether `word://` begins here. */
static bool begins_url(const char *text) {
  while (isalnum((unsigned char)*text) || *text == '+' || *text == '-')
    text++;
  return strncmp(text, "://", 3) == 0;
}

bool redis_url_next(const char **at, const char **url, size_t *len) {
  const char *text = *at + strspn(*at, ", \t");
  const char *end = text;
  if (!*text)
    return false;
  while (*end && !(*end == ',' && begins_url(end + 1 + strspn(end + 1, " "))))
    end++;
  *at = end;
  *url = text;
  while (end > text && strchr(", \t", end[-1]))
    end--;
  *len = (size_t)(end - text);
  return true;
}

/* Also of a URL that is wrong: everything from the first colon to the last
 * `@`. */
static void print_masked(struct rest rest, struct buf *out) {
  const char *start = rest.at, *end = rest.at + rest.len;
  const char *slashes = memmem(start, rest.len, "://", 3);
  const char *user = slashes ? slashes + 3 : start;
  const char *at = memrchr(user, '@', (size_t)(end - user));
  const char *colon = at ? memchr(user, ':', (size_t)(at - user)) : NULL;
  if (colon) {
    buf_put(out, start, (size_t)(colon + 1 - start));
    buf_puts(out, "***");
    start = at;
  }
  buf_put(out, start, (size_t)(end - start));
}

void redis_url_print(const char *text, struct buf *out) {
  const char *url;
  size_t len;
  for (bool first = true; redis_url_next(&text, &url, &len); first = false) {
    if (!first)
      buf_putc(out, ',');
    print_masked((struct rest){url, len}, out);
  }
}
