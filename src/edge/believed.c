/* SPDX-License-Identifier: MIT
 * Headers of proxies. */
#include "edge/believed.h"

#include "base/log.h"
#include "edge/forwarded.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* In the order of the option's choices. */
enum proxy_header {
  PROXY_FORWARDED_FOR,
  PROXY_REAL_IP,
  PROXY_FORWARDED,
  PROXY_PROTOCOL
};

static const char *const fields[] = {
    [PROXY_FORWARDED_FOR] = "X-Forwarded-For",
    [PROXY_REAL_IP] = "X-Real-IP",
    [PROXY_FORWARDED] = "Forwarded",
};

/* --- the log ------------------------------------------------------------ */

static void tell_stranger(struct believed *believed, const char *ip,
                          const char *field) {
  if (believed->told_stranger)
    return;
  believed->told_stranger = true;
  log_info("ip=%s sends %s and is not in `proxy.trusted`: it is not believed; "
           "if this is a proxy of yours, list it there",
           ip, field);
}

static void tell_none(struct believed *believed, const char *ip,
                      const char *field) {
  if (believed->told_none)
    return;
  believed->told_none = true;
  log_warn("ip=%s is a trusted proxy and sends no %s: all its clients have its "
           "address; let it send that, or name what it sends in "
           "`proxy.header`",
           ip, field);
}

static void tell_many(struct believed *believed, const char *ip,
                      const char *field, size_t count) {
  if (believed->told_many)
    return;
  believed->told_many = true;
  log_warn("ip=%s is a trusted proxy and sends %s %zu times: the last is "
           "believed, and may be the client's own; let the proxy set it anew "
           "instead of passing it on",
           ip, field, count);
}

/* --- headers ------------------------------------------------------------ */

/* How many lines of it there are; the last one is `last`. */
static size_t count_lines(const struct request *request, const char *field,
                          struct slice *last) {
  size_t count = 0;
  for (size_t i = 0; i < request->count; i++)
    if (slice_is(request->fields[i].name, field)) {
      *last = request->fields[i].value;
      count++;
    }
  return count;
}

/* All of them as X-Forwarded-For has it. A header that is too long is no
 * help. */
static void read_hops(const struct request *request, enum proxy_header header,
                      struct slice last, char hops[REQUEST_BYTES_MAX]) {
  char text[REQUEST_BYTES_MAX];
  *hops = '\0';
  if (header == PROXY_REAL_IP) /* one address, which nobody appends to */
    slice_copy(last, hops, REQUEST_BYTES_MAX);
  else if (header == PROXY_FORWARDED_FOR)
    request_join(request, fields[header], ",", hops, REQUEST_BYTES_MAX);
  else if (request_join(request, fields[header], ",", text, sizeof text) <
           sizeof text)
    forwarded_hops(text, strlen(text), hops);
}

void believed_client(struct believed *believed, const struct proxies *proxies,
                     const struct visitor *visitor,
                     const struct request *request,
                     char out[PROXY_ADDRESS_BYTES]) {
  const char *ip = visitor->socket.ip;
  enum proxy_header header = (enum proxy_header)believed->header;
  char hops[REQUEST_BYTES_MAX];
  struct slice last = {"", 0};
  if (header == PROXY_PROTOCOL) {
    proxy_client(proxies, ip, visitor->announced, out);
    return;
  }
  size_t count = count_lines(request, fields[header], &last);
  bool trusted = proxy_trusted(proxies, ip);
  if (!trusted && count > 0)
    tell_stranger(believed, ip, fields[header]);
  else if (trusted && count == 0)
    tell_none(believed, ip, fields[header]);
  else if (trusted && count > 1)
    tell_many(believed, ip, fields[header], count);
  read_hops(request, header, last, hops);
  proxy_client(proxies, ip, hops, out);
}

/* --- the PROXY protocol ------------------------------------------------- */

bool believed_prefaced(int header) {
  return header == PROXY_PROTOCOL;
}

/* What is behind it may be TLS, which reads from the socket itself. So it is
 * looked at first, and taken when it is known to be of this protocol. */
bool believed_read(int fd, struct buf *in, enum preface_result *result,
                   struct preface *preface) {
  for (;;) {
    size_t seen = in->len;
    char *more = buf_reserve(in, PREFACE_BYTES_MAX);
    ssize_t n = recv(fd, more, PREFACE_BYTES_MAX, MSG_PEEK);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
      *result = PREFACE_MORE;
      return true;
    }
    if (n <= 0)
      return false;
    *result = preface_read(in->data, seen + (size_t)n, preface);
    if (*result != PREFACE_DONE && *result != PREFACE_MORE)
      return true;
    size_t ours = *result == PREFACE_DONE ? preface->len - seen : (size_t)n;
    if (recv(fd, more, ours, 0) != (ssize_t)ours)
      return false;
    in->len = seen + ours;
    if (*result == PREFACE_DONE)
      return true;
  }
}
