/* SPDX-License-Identifier: MIT
 * The file of an outbox: SQLite, its tables, and how they are asked.
 *
 *   events    pos, at, lane, body     what waits, in order
 *   dead      pos, at, lane, body, status, answer, buried
 *   standing  kind, key, lane, data   enum event_stand: what has begun
 *   meta      outside                 how often somebody else changed `events`
 */
#ifndef EVENTS_DATABASE_H
#define EVENTS_DATABASE_H

#include "base/attr.h"
#include "base/buf.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

enum database_use {
  DATABASE_SERVES, /* makes the file and its tables where they are not there */
  DATABASE_VISITS  /* the file must be there */
};

/* NULL with a line in `error`. Each thread needs one of its own. */
MUST_CHECK sqlite3 *database_open(const char *path, enum database_use use,
                                  struct buf *error);

/* A statement that is used often; NULL with a line in `error`. */
MUST_CHECK sqlite3_stmt *database_prepare(sqlite3 *db, const char *sql,
                                          struct buf *error);

/* Runs statements without results. */
MUST_CHECK int database_run(sqlite3 *db, const char *sql, struct buf *error);

/* Runs a prepared statement that has no result, and makes it ready again. */
MUST_CHECK int database_step(sqlite3_stmt *statement, struct buf *error);

/* The first number of the first row; 0 if there is none. */
MUST_CHECK int database_number(sqlite3_stmt *statement, int64_t *number,
                               struct buf *error);

/* For a text of the caller that stays as it is until the next step. */
void database_bind(sqlite3_stmt *statement, int at, const char *text);

/* A text of the row that the statement is at; never NULL. */
const char *database_text(sqlite3_stmt *statement, int column);

/* Returns ERR_SYSTEM. */
int database_fault(sqlite3 *db, struct buf *error);

#endif
