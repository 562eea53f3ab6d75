/* SPDX-License-Identifier: MIT
 * Where spans are sent, as the configuration says it: trace.otlp and
 * trace.headers. */
#ifndef CONFIG_COLLECTOR_H
#define CONFIG_COLLECTOR_H

#include "base/attr.h"
#include "base/buf.h"
#include "config/option.h"

/* Appends the URL of the requests and its zero: one without a path is that of a
 * collector, which takes them at /v1/traces. */
void collector_put_url(struct buf *out, const char *text);

/* The URL as the log may have it: no query, which may have a key. */
int collector_url_len(const char *url);

/* Appends names and values, each with its zero (net/fetch_request), from
 * "name=value,name=value", with escapes (%20) in values. NULL, or what is wrong
 * with it; that has no part of a value. */
const char *collector_put_headers(struct buf *out, const char *text);

/* Checks trace.otlp and trace.headers, and appends a line for each mistake. */
void collector_check(const struct config *config, struct buf *errors);

#endif
