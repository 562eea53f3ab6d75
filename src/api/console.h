/* SPDX-License-Identifier: MIT
 * The console: pages for the operator's browser, at the admin address.
 *
 *   GET  /               the page; what it loads is under /console/
 *   POST /console/link   with a key: a secret that opens the console once
 *   POST /console/enter  with a key, or such a secret: begins a session
 *   POST /console/leave  ends it
 *   GET  /console/about  whose session it is, and where clients connect
 *
 * A key, or a secret of a link, comes as `Authorization: Bearer` or `Link`, so
 * no address, and no log, has it. The key needs `admin`.
 *
 * A request of the page has the cookie of its session, and the field
 * `Perigee-Console` with the other secret: a page of a stranger cannot send
 * that field. Its Origin must be the address that was asked. With that it may
 * make the calls of the API that the key may make, and what else the admin
 * address does (edge/admin). */
#ifndef API_CONSOLE_H
#define API_CONSOLE_H

#include "api/console_sessions.h"
#include "api/http.h"

struct api_service;

/* Whether a request is one for the console. */
bool console_is_asked(const struct request *request);

/* Answers it. */
void console_answer(struct api_service *service, struct http_conn *conn,
                    const struct request *request);

/* In development there may be no key that anybody knows, and whoever is on this
 * machine may ask without, but for pages of browsers: then the key that the
 * server has made; else NULL. */
const struct api_key *console_developer(const struct api_service *service,
                                        const struct http_conn *conn,
                                        const struct request *request);

/* Whether a request comes from the page, in a session: then `key` gets its key.
 * By any thread. */
MUST_CHECK bool console_is_page(struct console_sessions *sessions,
                                const struct request *request,
                                struct api_key *key);

#endif
