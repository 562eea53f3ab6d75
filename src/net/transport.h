/* SPDX-License-Identifier: MIT
 * A client's socket: its descriptor, TLS on it or none, bytes in, bytes out,
 * and the end.
 *
 * Nothing here knows what the bytes mean, or when they are wanted. The owner
 * waits for the socket with `watch`, and decides what to read and to write.
 *
 * TLS writes into a pipe of ours (a BIO of OpenSSL's) that takes everything.
 * What the socket does not take waits in that pipe. So a write of TLS is never
 * half done. And TLS can say something of its own while the socket is full: a
 * new key (RFC 8446, 4.6.3) may come at any time and has to be answered. While
 * the pipe holds something the transport is *full*, and nothing more is to be
 * written. What TLS says by itself is bounded: past that the transport ends.
 *
 * A transport has one owner, who may hand it on (transport_move): the edge has
 * it in a visitor first, and in a connection after the handshake. Whoever has
 * it closes it. */
#ifndef NET_TRANSPORT_H
#define NET_TRANSPORT_H

#include "base/attr.h"
#include "net/poller.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Readers ask for as much at once. It is one record of TLS, too. */
enum { TRANSPORT_BLOCK_BYTES = 16 * 1024 };

struct transport {
  struct poller_item watch; /* its descriptor; -1: none */
  SSL *tls;                 /* NULL: plain */
};

/* What has come of a TLS handshake. */
enum transport_shake {
  SHAKE_DONE,
  SHAKE_WAITS,   /* for more from the peer, and for room if it is full */
  SHAKE_NO_TLS,  /* the peer speaks plain HTTP; so does the transport now */
  SHAKE_STRANGE, /* it speaks something else; nothing can be said */
  SHAKE_FAILED,
};

/* The server's side of TLS begins on a plain transport. ERR_SYSTEM if OpenSSL
 * has no memory: then it stays plain. */
MUST_CHECK int transport_secure(struct transport *transport, SSL_CTX *context);

/* Goes on with the handshake. */
MUST_CHECK enum transport_shake transport_shake(struct transport *transport);

/* Whether something that TLS has written waits for room in the socket. */
bool transport_is_full(const struct transport *transport);

/* Whether there may be more to read that the kernel does not tell of. */
bool transport_has_more(const struct transport *transport);

/* Reads what is there, up to `cap` bytes. Returns how many; 0 if nothing is
 * there now, or a record of TLS that brings none (the next one is for the next
 * read); ERR_CLOSED at the end of the stream, and after an error. */
MUST_CHECK ssize_t transport_read(struct transport *transport, void *out,
                                  size_t cap);

/* Writes what waits, and then as much of `data` as the socket takes. Returns
 * how many bytes of `data` were taken, or ERR_CLOSED. If those are fewer than
 * `len`, or the transport is full afterwards, the socket takes no more now.
 * `len` may be 0. */
MUST_CHECK ssize_t transport_write(struct transport *transport,
                                   const void *data, size_t len);

/* Tells the peer that nothing more comes. What it still sends can be read, as
 * plain bytes of whatever kind. */
void transport_shut(struct transport *transport);

/* The transport, out of the set of `poller`; `from` has none any more. */
struct transport transport_move(struct transport *from, struct poller *poller);

/* Takes it out of the set and closes it, so that the peer gets what was
 * written: TLS says farewell, and what has come unread is dropped (else the
 * kernel would reset the connection). Nothing if there is no descriptor.
 * `poller` may be NULL if it is in no set. */
void transport_close(struct transport *transport, struct poller *poller);

#endif
