/* SPDX-License-Identifier: MIT
 * The call `trace`: an answer that goes on as long as somebody reads it.
 *
 * It is told in lines, gathered for a moment (TRACING_MS): so it costs a write
 * for each moment, however much happens. A reader that is behind gets no more
 * until it has caught up; what the board (trace/board) cannot hold meanwhile is
 * dropped, and a line says how much that was. */
#ifndef API_TRACING_H
#define API_TRACING_H

#include "api/exchange.h"

enum { TRACING_MS = 50, TRACING_ALIVE_MS = 10000 };

/* The JSON Schema of a line. */
#define TRACING_SCHEMA                                                         \
  "{\"type\":\"object\",\"properties\":{\"event\":{\"enum\":["                 \
  "\"trace\",\"message\",\"call\",\"sent\",\"done\",\"delivery\","             \
  "\"lost\",\"acked\",\"refused\",\"dropped\",\"alive\"]},"                    \
  "\"at\":{\"type\":\"number\"},\"worker\":{\"type\":\"integer\"},"            \
  "\"span\":{\"type\":\"string\"},\"conn\":{\"type\":\"integer\"},"            \
  "\"trace_id\":{\"type\":\"string\"},"                                        \
  "\"user\":{\"type\":\"string\"},\"type\":{\"type\":\"string\"},"             \
  "\"call\":{\"type\":\"string\"},\"room\":{\"type\":\"string\"},"             \
  "\"id\":{},\"bytes\":{\"type\":\"integer\"},\"data\":{},"                    \
  "\"data_begin\":{\"type\":\"string\"},\"to\":{\"enum\":["                    \
  "\"user\",\"room\",\"all\",\"conn\"]},\"target\":{\"type\":\"string\"},"     \
  "\"receivers\":{\"type\":\"integer\"},\"seq\":{\"type\":\"integer\"},"       \
  "\"ms\":{\"type\":\"number\"},\"lua_ms\":{\"type\":\"number\"},"             \
  "\"waited\":{\"type\":\"integer\"},\"verdict\":{\"enum\":["                  \
  "\"ok\",\"refused\",\"failed\"]},\"handler\":{\"type\":\"string\"},"         \
  "\"generation\":{\"type\":\"integer\"},\"code\":{\"type\":\"string\"},"      \
  "\"text\":{\"type\":\"string\"},\"ref\":{\"type\":\"string\"},"              \
  "\"error\":{\"type\":\"string\"},\"n\":{\"type\":\"integer\"},"              \
  "\"count\":{\"type\":\"integer\"}},\"required\":[\"event\",\"at\"]}"

struct tracing;

void tracing_open(struct api_service *service, uv_loop_t *loop);
void tracing_close(struct api_service *service);

/* The request is complete: turns the trace on, or answers why not. */
void tracing_begin(struct api_service *service, struct http_conn *conn);

/* Nobody reads it any more: turns it off, frees it. */
void tracing_end(struct tracing *tracing);

/* Other keys count now: ends those of keys that may not do this any more. */
void tracing_check_keys(struct api_service *service);

#endif
