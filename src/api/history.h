/* SPDX-License-Identifier: MIT
 * The call `history`: what a room has kept, read from the engine. */
#ifndef API_HISTORY_H
#define API_HISTORY_H

#include "api/exchange.h"

/* The request is complete: begins to read, or answers why not. */
void history_begin(struct api_service *service, struct http_conn *conn);

#endif
