/* SPDX-License-Identifier: MIT
 * Answers, as they are written. */
#include "api/http_answer.h"

#include "wire/reply.h"

/* Between two requests, as at the door of the clients. */
enum { IDLE_MS = 75000 };

/* A body that nobody has read, and the next request would be read from it. */
static void end_if_unread(struct http_conn *conn) {
  if (conn->state == HTTP_BODY)
    conn->last = true;
}

static void put_head(struct http_conn *conn, const struct http_head *head) {
  struct buf *out = &conn->out;
  reply_begin(out, head->status);
  if (head->type)
    buf_printf(out, "Content-Type: %s\r\nCache-Control: no-store\r\n",
               head->type);
  if (head->retry_s > 0)
    buf_printf(out, "Retry-After: %u\r\n", head->retry_s);
  if (conn->last)
    buf_puts(out, "Connection: close\r\n");
  else if (conn->old)
    buf_puts(out, "Connection: keep-alive\r\n");
  if (head->headers)
    buf_puts(out, head->headers);
}

static void answer_ended(struct http_conn *conn) {
  conn->state = conn->last ? HTTP_END : HTTP_HEAD;
  http_wait(conn, conn->last ? conn->http->request_ms : IDLE_MS);
}

void http_answer(struct http_conn *conn, const struct http_head *head,
                 struct slice body) {
  end_if_unread(conn);
  put_head(conn, head);
  if (head->type || head->status >= 200)
    buf_printf(&conn->out, "Content-Length: %zu\r\n", body.len);
  buf_puts(&conn->out, "\r\n");
  if (!conn->bare)
    buf_put(&conn->out, body.at, body.len);
  answer_ended(conn);
}

void http_answer_begin(struct http_conn *conn, const struct http_head *head) {
  conn->last |= conn->old; /* that it ends is all that ends the answer */
  conn->streams = true;
  put_head(conn, head);
  buf_puts(&conn->out,
           !conn->old ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
}

void http_answer_piece(struct http_conn *conn, struct slice piece) {
  if (!conn->old)
    buf_printf(&conn->out, "%zx\r\n", piece.len);
  buf_put(&conn->out, piece.at, piece.len);
  if (!conn->old)
    buf_puts(&conn->out, "\r\n");
}

void http_answer_end(struct http_conn *conn) {
  end_if_unread(conn);
  if (!conn->old)
    buf_puts(&conn->out, "0\r\n\r\n");
  conn->streams = false;
  answer_ended(conn);
}
