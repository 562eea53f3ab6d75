/* SPDX-License-Identifier: MIT
 * Questions of backends to the scripts, as the API's thread sees them.
 *
 * The question itself is a letter (api/desk). This is what is kept here until
 * it comes back. */
#ifndef API_QUESTION_H
#define API_QUESTION_H

#include "api/exchange.h"

struct question;

/* The body of a call of API_SCRIPTS is complete: asks, or answers why not. */
void question_begin(struct api_service *service, struct http_conn *conn,
                    struct slice body);

/* Who asked waits no more. The answer is kept, if it has an Idempotency-Key. */
void question_forget(struct question *question);

/* A letter has come back: for mailbox_init of service->answers. */
void question_answered(struct mailbox *mailbox, struct list *node);

/* For http: no answer has come in time. */
void question_late(void *arg, struct http_conn *conn);

/* Frees one that has come back when nobody takes answers any more. */
void question_drop(struct list *node);

#endif
