/* SPDX-License-Identifier: MIT
 * recv and send, or what OpenSSL has for them. */
#include "edge/link.h"

#include "base/err.h"

#include <errno.h>
#include <openssl/err.h>
#include <sys/socket.h>

static bool is_for_later(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* What OpenSSL says about a call that has moved no bytes. */
static ssize_t tls_result(const SSL *tls, int result) {
  int error = SSL_get_error(tls, result);
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE
             ? 0
             : ERR_CLOSED;
}

static ssize_t tls_read(SSL *tls, void *out, size_t cap) {
  ERR_clear_error(); /* SSL_get_error looks at the queue */
  int n = SSL_read(tls, out, (int)cap);
  return n > 0 ? n : tls_result(tls, n);
}

/* One record a call. */
static ssize_t tls_write(SSL *tls, const char *data, size_t len) {
  size_t done = 0;
  while (done < len) {
    size_t part = len - done;
    if (part > LINK_RECORD_BYTES)
      part = LINK_RECORD_BYTES;
    ERR_clear_error();
    int n = SSL_write(tls, data + done, (int)part);
    if (n > 0)
      done += (size_t)n;
    else if (tls_result(tls, n))
      return ERR_CLOSED;
    else
      break;
  }
  return (ssize_t)done;
}

ssize_t link_read(int fd, SSL *tls, void *out, size_t cap) {
  if (tls)
    return tls_read(tls, out, cap);
  ssize_t n = recv(fd, out, cap, 0);
  if (n > 0)
    return n;
  return n < 0 && is_for_later(errno) ? 0 : ERR_CLOSED;
}

bool link_has_more(const SSL *tls) {
  return tls && SSL_pending(tls) > 0;
}

ssize_t link_write(int fd, SSL *tls, const void *data, size_t len) {
  if (tls)
    return tls_write(tls, data, len);
  ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
  if (n >= 0)
    return n;
  return is_for_later(errno) ? 0 : ERR_CLOSED;
}
