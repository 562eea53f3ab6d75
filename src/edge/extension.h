/* SPDX-License-Identifier: MIT
 * permessage-deflate in the handshake (RFC 7692, 7.1).
 *
 * libwebsockets has an implementation of the whole extension. It keeps two
 * zlib states for each connection and mixes up whose context is to be kept. It
 * is not told of any extension here: offers are answered with a header of
 * ours, and wire/deflate, which keeps no context, compresses and inflates the
 * messages. So both sides are told to do without context, which a server may
 * demand of every client. */
#ifndef EDGE_EXTENSION_H
#define EDGE_EXTENSION_H

#include "base/attr.h"

#include <libwebsockets.h>
#include <stdbool.h>

struct ws_session;

/* Whether the value of Sec-WebSocket-Extensions has an offer that can be
 * taken: one without server_max_window_bits (zlib's window is not made smaller
 * here) and without anything that RFC 7692 does not know. */
bool extension_acceptable(const char *offers);

/* LWS_CALLBACK_ADD_HEADERS: accepts an offer of the upgrade, if there is one,
 * and remembers that in the session. -1 if there is no room to say so. */
int extension_answer(struct lws *wsi, struct ws_session *session,
                     struct lws_process_html_args *args);

#endif
