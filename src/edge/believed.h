/* SPDX-License-Identifier: MIT
 * Which word about a client is believed: that of the one header which the
 * option `proxy.header` names, from a peer of `proxy.trusted`, or that of the
 * PROXY protocol from such a peer.
 *
 * What does not fit is said once in the log, with what to do: a trusted proxy
 * that sends the header more than once, so that one of them may be the
 * client's own, or sends none; and a peer that is not trusted and sends one. */
#ifndef EDGE_BELIEVED_H
#define EDGE_BELIEVED_H

#include "base/buf.h"
#include "edge/proxy.h"
#include "edge/visitor.h"
#include "wire/preface.h"
#include "wire/request.h"

#include <stdbool.h>

/* Nothing was said yet, if it is zeroed. */
struct believed {
  int header; /* the option proxy.header */
  bool told_none, told_many, told_stranger;
};

/* Writes who is behind the peer that sent this request. */
void believed_client(struct believed *believed, const struct proxies *proxies,
                     const struct visitor *visitor,
                     const struct request *request,
                     char out[PROXY_ADDRESS_BYTES]);

/* Whether connections of trusted proxies have to begin with the PROXY protocol,
 * by the option. */
bool believed_prefaced(int header);

/* Reads that, and nothing behind it. What came so far is kept in `in`. False:
 * the peer has hung up, or the socket is broken. */
MUST_CHECK bool believed_read(int fd, struct buf *in,
                              enum preface_result *result,
                              struct preface *preface);

#endif
