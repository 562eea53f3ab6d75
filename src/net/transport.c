/* SPDX-License-Identifier: MIT
 * recv and send, or what OpenSSL has for them. */
#include "net/transport.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/tcp.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum { UNSENT_MAX = 64 * 1024 };

static bool is_for_later(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* --- the pipe of TLS ----------------------------------------------------
 *
 * OpenSSL's own BIO for sockets says "would block" when the socket is full, and
 * SSL_write then fails half done: it must be called again with the same bytes
 * and nothing else, until it has left. That rule cannot be kept here. What
 * waits may change meanwhile (a close frame takes the place of a queue that is
 * too long), and SSL_read may have to write as well: it answers a new key of
 * the peer's.
 *
 * So the BIO never says "would block" to a writer. It sends what the socket
 * takes and keeps the rest. For OpenSSL each record has left, and each call is
 * done when it returns. The one rule that remains is ours: as long as a rest
 * waits, no more data is encrypted. Then the rest is one record of data, and
 * what TLS has to say by itself; a peer that makes it say more than UNSENT_MAX
 * without reading any of it is hung up on. */

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
  method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "pipe");
  if (!method)
    return;
  BIO_meth_set_read(method, pipe_read);
  BIO_meth_set_write(method, pipe_write);
  BIO_meth_set_ctrl(method, pipe_ctrl);
  BIO_meth_set_destroy(method, pipe_free);
}

/* The SSL object frees the BIO, and that the pipe. */
static SSL *new_tls(SSL_CTX *context, int fd) {
  uv_once(&method_once, make_method);
  SSL *tls = SSL_new(context);
  BIO *bio = method ? BIO_new(method) : NULL;
  if (!tls || !bio) {
    SSL_free(tls);
    BIO_free(bio);
    return NULL;
  }
  struct pipe *pipe = mem_alloc(sizeof *pipe);
  pipe->fd = fd;
  BIO_set_data(bio, pipe);
  BIO_set_init(bio, 1);
  SSL_set_bio(tls, bio, bio);
  /* Else a read goes on for as long as records come that bring no bytes, new
   * keys for example, and the loop with it. */
  SSL_clear_mode(tls, SSL_MODE_AUTO_RETRY);
  return tls;
}

int transport_secure(struct transport *transport, SSL_CTX *context) {
  transport->tls = new_tls(context, transport->watch.fd);
  return transport->tls ? 0 : ERR_SYSTEM;
}

static struct pipe *pipe_of(const SSL *tls) {
  return BIO_get_data(SSL_get_wbio(tls));
}

bool transport_is_full(const struct transport *transport) {
  return transport->tls && pipe_of(transport->tls)->unsent.len > 0;
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
    if (part > TRANSPORT_BLOCK_BYTES)
      part = TRANSPORT_BLOCK_BYTES;
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

ssize_t transport_read(struct transport *transport, void *out, size_t cap) {
  if (transport->tls)
    return tls_read(transport->tls, out, cap);
  ssize_t n = recv(transport->watch.fd, out, cap, 0);
  if (n > 0)
    return n;
  return n < 0 && is_for_later(errno) ? 0 : ERR_CLOSED;
}

bool transport_has_more(const struct transport *transport) {
  return transport->tls && SSL_pending(transport->tls) > 0;
}

ssize_t transport_write(struct transport *transport, const void *data,
                        size_t len) {
  if (transport->tls)
    return tls_write(transport->tls, data, len);
  if (len == 0)
    return 0;
  ssize_t n = send(transport->watch.fd, data, len, MSG_NOSIGNAL);
  if (n >= 0)
    return n;
  return is_for_later(errno) ? 0 : ERR_CLOSED;
}

/* --- the handshake ------------------------------------------------------ */

static void drop_tls(struct transport *transport) {
  SSL_free(transport->tls);
  transport->tls = NULL;
}

static enum transport_shake shake_failed(struct transport *transport) {
  int why = ERR_GET_REASON(ERR_peek_error());
  ERR_clear_error();
  if (why == SSL_R_WRONG_VERSION_NUMBER)
    return SHAKE_STRANGE;
  if (why != SSL_R_HTTP_REQUEST)
    return SHAKE_FAILED;
  drop_tls(transport);
  return SHAKE_NO_TLS;
}

enum transport_shake transport_shake(struct transport *transport) {
  if (!flush_pipe(pipe_of(transport->tls)))
    return SHAKE_FAILED;
  ERR_clear_error();
  int result = SSL_accept(transport->tls);
  if (result == 1)
    return SHAKE_DONE;
  return SSL_get_error(transport->tls, result) == SSL_ERROR_WANT_READ
             ? SHAKE_WAITS
             : shake_failed(transport);
}

/* --- the end ------------------------------------------------------------ */

/* The peer's own farewell is not waited for. */
static void end_tls(struct transport *transport) {
  if (!transport->tls)
    return;
  if (!transport_is_full(transport) && SSL_is_init_finished(transport->tls)) {
    ERR_clear_error();
    SSL_shutdown(transport->tls);
  }
  drop_tls(transport);
}

void transport_shut(struct transport *transport) {
  end_tls(transport);
  shutdown(transport->watch.fd, SHUT_WR);
}

struct transport transport_move(struct transport *from, struct poller *poller) {
  poller_remove(poller, &from->watch);
  struct transport moved = *from;
  *from = (struct transport){.watch.fd = -1};
  return moved;
}

void transport_close(struct transport *transport, struct poller *poller) {
  if (transport->watch.fd < 0)
    return;
  poller_remove(poller, &transport->watch);
  end_tls(transport);
  tcp_forget_unread(transport->watch.fd);
  close(transport->watch.fd);
  transport->watch.fd = -1;
}
