/* SPDX-License-Identifier: MIT
 * Answers to requests of api/http: whole, or in pieces. They stand in conn->out
 * then, and http writes them. */
#ifndef API_HTTP_ANSWER_H
#define API_HTTP_ANSWER_H

#include "api/http.h"

/* What an answer has beside its body. */
struct http_head {
  unsigned status;
  const char *type;    /* NULL: no body, and no type */
  const char *headers; /* more of them, each with its CR LF; or NULL */
  unsigned retry_s;    /* Retry-After; 0: none */
};

/* Answers the request. When that happens later than in a function of the
 * service, http_go_on is due. */
void http_answer(struct http_conn *conn, const struct http_head *head,
                 struct slice body);

/* An answer in pieces: its head, its pieces, its end. Pieces are not empty. */
void http_answer_begin(struct http_conn *conn, const struct http_head *head);
void http_answer_piece(struct http_conn *conn, struct slice piece);
void http_answer_end(struct http_conn *conn);

#endif
