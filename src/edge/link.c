/* SPDX-License-Identifier: MIT
 * recv and send, or what OpenSSL has for them. */
#include "edge/link.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <uv.h>

enum { UNSENT_MAX = 64 * 1024 };

static bool is_for_later(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* --- the pipe of TLS ---------------------------------------------------- */

struct pipe {
  int fd;
  struct buf unsent;
};

static BIO_METHOD *method; /* the same for all; made once */
static uv_once_t method_once = UV_ONCE_INIT;

static int pipe_read(BIO *bio, char *out, int cap) {
  const struct pipe *pipe = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  ssize_t n = recv(pipe->fd, out, (size_t)cap, 0);
  if (n < 0 && is_for_later(errno))
    BIO_set_retry_read(bio);
  return (int)n;
}

static int pipe_write(BIO *bio, const char *data, int len) {
  struct pipe *pipe = BIO_get_data(bio);
  size_t left = (size_t)len;
  ssize_t n = 0;
  BIO_clear_retry_flags(bio);
  if (pipe->unsent.len == 0)
    n = send(pipe->fd, data, left, MSG_NOSIGNAL);
  if (n < 0 && !is_for_later(errno))
    return -1;
  if (n > 0)
    left -= (size_t)n;
  if (pipe->unsent.len + left > UNSENT_MAX)
    return -1;
  buf_put(&pipe->unsent, data + len - left, left);
  return len;
}

static long pipe_ctrl(BIO *bio, int what, long num, void *ptr) {
  (void)bio, (void)num, (void)ptr;
  return what == BIO_CTRL_FLUSH ? 1 : 0;
}

static int pipe_free(BIO *bio) {
  struct pipe *pipe = BIO_get_data(bio);
  if (!pipe)
    return 1;
  buf_free(&pipe->unsent);
  mem_free(pipe);
  return 1;
}

static void make_method(void) {
  method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "link");
  if (!method)
    return;
  BIO_meth_set_read(method, pipe_read);
  BIO_meth_set_write(method, pipe_write);
  BIO_meth_set_ctrl(method, pipe_ctrl);
  BIO_meth_set_destroy(method, pipe_free);
}

int link_attach(SSL *tls, int fd) {
  uv_once(&method_once, make_method);
  BIO *bio = method ? BIO_new(method) : NULL;
  if (!bio)
    return ERR_SYSTEM;
  struct pipe *pipe = mem_alloc(sizeof *pipe);
  pipe->fd = fd;
  BIO_set_data(bio, pipe);
  BIO_set_init(bio, 1);
  SSL_set_bio(tls, bio, bio); /* which frees it */
  /* Else a read goes on for as long as records come that bring no bytes, new
   * keys for example, and the loop with it. */
  SSL_clear_mode(tls, SSL_MODE_AUTO_RETRY);
  return 0;
}

static struct pipe *pipe_of(const SSL *tls) {
  return BIO_get_data(SSL_get_wbio(tls));
}

bool link_is_full(const SSL *tls) {
  return tls && pipe_of(tls)->unsent.len > 0;
}

/* Whether the socket is not broken. */
static bool flush_pipe(struct pipe *pipe) {
  struct buf *unsent = &pipe->unsent;
  if (unsent->len == 0)
    return true;
  ssize_t n = send(pipe->fd, unsent->data, unsent->len, MSG_NOSIGNAL);
  if (n < 0)
    return is_for_later(errno);
  unsent->len -= (size_t)n;
  if (unsent->len > 0)
    memmove(unsent->data, unsent->data + n, unsent->len);
  else
    buf_free(unsent); /* few links are ever full */
  return true;
}

/* --- reading and writing ------------------------------------------------ */

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

/* One record a call, which is always taken as a whole. */
static ssize_t tls_write(SSL *tls, const char *data, size_t len) {
  struct pipe *pipe = pipe_of(tls);
  size_t done = 0;
  if (!flush_pipe(pipe))
    return ERR_CLOSED;
  while (done < len && pipe->unsent.len == 0) {
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
  if (len == 0)
    return 0;
  ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
  if (n >= 0)
    return n;
  return is_for_later(errno) ? 0 : ERR_CLOSED;
}
