/* SPDX-License-Identifier: MIT
 * A request to the API between its head and its answer, and how it is answered,
 * counted, logged, and kept for whoever repeats it. */
#ifndef API_EXCHANGE_H
#define API_EXCHANGE_H

#include "api/batch.h"
#include "api/service.h"

enum { API_OUTPUT_BYTES = 1024 * 1024 }; /* that wait, before no more is read */

/* A request whose head was taken, until it is answered. */
struct exchange {
  const struct api_call *call;
  char key[API_KEY_NAME_BYTES + 1];
  unsigned groups;                   /* of the key */
  char repeat[REPEAT_KEY_BYTES + 1]; /* Idempotency-Key, or empty */
  struct buf body;
  struct buf target; /* the path behind API_ROOT, then the query */
  size_t path_len;
  unsigned char print[REPEAT_PRINT_BYTES]; /* where there is such a key */
  struct batch batch;
  struct engine_read *read;  /* of a history; NULL: none */
  struct engine *engine;     /* that reads it */
  struct question *question; /* to the scripts; NULL: none */
  struct tracing *tracing;   /* that it is told; NULL: none */
};

/* The request is over: frees conn->exchange. Nothing if there is none. */
void exchange_drop(struct http_conn *conn);

/* Answers with a problem; with `body` as its text, where that is more than the
 * problem itself. It is counted and logged. Ends the exchange. */
void exchange_refuse(struct api_service *service, struct http_conn *conn,
                     const struct problem *problem);
void exchange_refuse_as(struct api_service *service, struct http_conn *conn,
                        const struct problem *problem, struct slice body);

/* Answers 200. Ends the exchange. */
void exchange_answer(struct api_service *service, struct http_conn *conn,
                     struct slice body);

void exchange_count_problem(struct api_service *service,
                            const struct exchange *exchange);
void exchange_log(struct api_service *service, const struct http_conn *conn,
                  const struct problem *problem);

/* Whether an answer with this status is kept for whoever repeats the request.
 * What could not be done just now may be asked for again. */
static inline bool exchange_is_answer(unsigned status) {
  return status < 500 && status != 429;
}

/* Keeps the answer, or the problem, if the request has an Idempotency-Key. */
void exchange_keep(struct api_service *service, const struct exchange *exchange,
                   const struct repeat_answer *answer);
void exchange_keep_problem(struct api_service *service,
                           const struct exchange *exchange,
                           const struct problem *problem);

/* What the function of its call may reach. */
struct api_context exchange_context(struct api_service *service,
                                    const struct exchange *exchange);

#endif
