/* SPDX-License-Identifier: MIT
 * Requests to the call `batch`, which are answered while they come. */
#ifndef API_LINES_H
#define API_LINES_H

#include "api/exchange.h"

/* Makes the calls of a piece of the body; NULL: of what is left at its end. */
void lines_take(struct api_service *service, struct http_conn *conn,
                const struct slice *piece);

/* The body has ended. */
void lines_end(struct api_service *service, struct http_conn *conn);

/* The body is wrong, and the answer has begun: its last line says so. */
void lines_break(struct api_service *service, struct http_conn *conn,
                 const struct problem *problem);

/* For http: whether a worker is too far behind to be sent more. */
bool lines_must_wait(void *arg);

#endif
