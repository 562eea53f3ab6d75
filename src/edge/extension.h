/* SPDX-License-Identifier: MIT
 * permessage-deflate in the handshake (RFC 7692, 7.1).
 *
 * libwebsockets has an implementation of the whole extension. It keeps two
 * zlib states for each connection, mixes up whose context is to be kept, and
 * hangs up without a close frame on corrupt data. Here it only sees an
 * extension that does nothing, so that it lets RSV1 through; the messages are
 * compressed and inflated by core/deflate. That one keeps no context, so both
 * sides are told to do without, which a server may demand of every client. */
#ifndef EDGE_EXTENSION_H
#define EDGE_EXTENSION_H

#include "base/attr.h"

#include <libwebsockets.h>
#include <stdbool.h>

struct ws_session;

/* For the virtual host: what it may negotiate. */
extern const struct lws_extension extension_list[];

/* Whether the value of Sec-WebSocket-Extensions has an offer that can be
 * taken: one without server_max_window_bits (zlib's window is not made smaller
 * here) and without anything that RFC 7692 does not know. */
bool extension_acceptable(const char *offers);

/* LWS_CALLBACK_CONFIRM_EXTENSION_OKAY: 0 if it is negotiated, which the
 * session remembers. */
int extension_confirm(struct lws *wsi, struct ws_session *session);

/* LWS_CALLBACK_ADD_HEADERS: completes the answer, if it was. */
int extension_answer(const struct ws_session *session,
                     struct lws_process_html_args *args);

/* To be called with each part of a message, once it was negotiated: notes
 * whether the message is compressed. False if the peer says so in the middle
 * of a message, which breaks the protocol. */
MUST_CHECK bool extension_note_part(struct lws *wsi,
                                    struct ws_session *session);

#endif
