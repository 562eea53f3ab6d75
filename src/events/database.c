/* SPDX-License-Identifier: MIT
 * The file of an outbox.
 *
 * The journal is a WAL: one may write while others read. What is committed is
 * with the kernel, and so survives the end of the process. */
#include "events/database.h"

#include "base/err.h"

#include <errno.h>
#include <sys/stat.h>

enum {
  FORM = 1,      /* of the tables; another one is not understood */
  BUSY_MS = 2000 /* `perigee events` may be writing */
};

static const char tables[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS events(pos INTEGER PRIMARY KEY AUTOINCREMENT,"
    " at INTEGER NOT NULL, lane TEXT NOT NULL, body TEXT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS dead(pos INTEGER PRIMARY KEY AUTOINCREMENT,"
    " at INTEGER NOT NULL, lane TEXT NOT NULL, body TEXT NOT NULL,"
    " status INTEGER NOT NULL, answer TEXT NOT NULL, buried INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS standing(kind INTEGER NOT NULL,"
    " key TEXT NOT NULL, lane TEXT NOT NULL, data TEXT NOT NULL,"
    " PRIMARY KEY(kind, key)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value INTEGER)"
    " WITHOUT ROWID;"
    "INSERT OR IGNORE INTO meta VALUES('outside', 0);"
    "PRAGMA user_version=1;"
    "COMMIT;";

int database_fault(sqlite3 *db, struct buf *error) {
  buf_puts(error, sqlite3_errmsg(db));
  return ERR_SYSTEM;
}

int database_run(sqlite3 *db, const char *sql, struct buf *error) {
  return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK
             ? 0
             : database_fault(db, error);
}

sqlite3_stmt *database_prepare(sqlite3 *db, const char *sql,
                               struct buf *error) {
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement,
                         NULL) != SQLITE_OK)
    (void)database_fault(db, error);
  return statement;
}

int database_step(sqlite3_stmt *statement, struct buf *error) {
  int err = 0;
  if (sqlite3_step(statement) != SQLITE_DONE)
    err = database_fault(sqlite3_db_handle(statement), error);
  sqlite3_reset(statement);
  return err;
}

int database_number(sqlite3_stmt *statement, int64_t *number,
                    struct buf *error) {
  int err = 0, step = sqlite3_step(statement);
  *number = step == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
  if (step != SQLITE_ROW && step != SQLITE_DONE)
    err = database_fault(sqlite3_db_handle(statement), error);
  sqlite3_reset(statement);
  return err;
}

void database_bind(sqlite3_stmt *statement, int at, const char *text) {
  sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

const char *database_text(sqlite3_stmt *statement, int column) {
  const unsigned char *text = sqlite3_column_text(statement, column);
  return text ? (const char *)text : "";
}

/* 0: the tables are there; 1: there are none yet. */
static int look_at_form(sqlite3 *db, struct buf *error) {
  int64_t form = 0;
  sqlite3_stmt *ask = database_prepare(db, "PRAGMA user_version", error);
  int err = ask ? database_number(ask, &form, error) : ERR_SYSTEM;
  sqlite3_finalize(ask);
  if (err)
    return err;
  if (form == 0)
    return 1;
  if (form == FORM)
    return 0;
  buf_printf(error, "the file was written by another version of Perigee (%lld)",
             (long long)form);
  return ERR_SYSTEM;
}

static int set_up_database(sqlite3 *db, enum database_use use,
                           struct buf *error) {
  sqlite3_busy_timeout(db, BUSY_MS);
  int form = look_at_form(db, error);
  if (form < 0)
    return form;
  if (form == 1 && use == DATABASE_VISITS) {
    buf_puts(error, "this is no outbox");
    return ERR_SYSTEM;
  }
  if (use == DATABASE_VISITS)
    return 0;
  int err = database_run(db, "PRAGMA journal_mode=WAL", error);
  return err ? err : form == 1 ? database_run(db, tables, error) : 0;
}

sqlite3 *database_open(const char *path, enum database_use use,
                       struct buf *error) {
  sqlite3 *db = NULL;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
              (use == DATABASE_SERVES ? SQLITE_OPEN_CREATE : 0);
  mode_t mask = umask(S_IRWXG | S_IRWXO); /* it is what users did */
  int opened = sqlite3_open_v2(path, &db, flags, NULL);
  int err = opened == SQLITE_OK ? set_up_database(db, use, error)
                                : database_fault(db, error);
  umask(mask);
  if (!err)
    return db;
  sqlite3_close(db);
  return NULL;
}
