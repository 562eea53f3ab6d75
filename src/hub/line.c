/* SPDX-License-Identifier: MIT
 * From one connection to another. */
#include "hub/line.h"

#include "base/mem.h"

void line_take(struct conn *conn, struct line *line) {
  *line = (struct line){.reader = conn->reader,
                        .in = conn->in,
                        .text = conn->text,
                        .gate = conn->gate,
                        .sent = conn->sent,
                        .blocked = conn->blocked,
                        .deflates = conn->deflate != NULL,
                        .window_bits = conn->window_bits};
  outq_move(&conn->out, &line->out);
  conn->reader = (struct reader){0};
  conn->in = (struct buf){0};
  conn->sent = 0;
  conn->gate = NULL;
  conn->gated = false;
  conn->blocked = false;
  conn->socket = NULL;
  list_remove(&conn->dirty);
  conn_queue_changed(conn);
}

void line_put_take(struct conn *conn, struct line *line, void *socket,
                   struct deflate *deflate) {
  conn->transport = line->transport;
  conn->reader = line->reader;
  conn->in = line->in;
  conn->text = line->text;
  outq_move(&line->out, &conn->out);
  conn->gate = line->gate;
  conn->gated = line->gate != NULL;
  conn->sent = line->sent;
  conn->blocked = line->blocked;
  conn->deflate = line->deflates ? deflate : NULL;
  conn->window_bits = line->window_bits;
  conn->socket = socket;
  conn->last_frame_ms = uv_now(conn->owner->loop);
  conn_queue_changed(conn);
  if (conn->out.count > 0)
    conn->io->want_flush(conn);
}

void line_drop(struct line *line) {
  transport_close(&line->transport, NULL);
  buf_free(&line->rest);
  buf_free(&line->in);
  reader_free(&line->reader);
  outq_clear(&line->out);
  mem_free(line->gate);
}
