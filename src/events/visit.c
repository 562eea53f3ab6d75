/* SPDX-License-Identifier: MIT
 * A look into an outbox from outside.
 *
 * Changes are made in small pieces: a server that waits for one is held up with
 * all that follows from its events. Each piece counts in meta.outside, so that
 * the server's sender looks again. */
#include "events/visit.h"

#include "base/mem.h"
#include "events/database.h"

enum { PIECE = 1000 };

struct visit {
  sqlite3 *db;
};

#define WHICH                                                                  \
  " WHERE (?1 IS NULL OR json_extract(body, '$.id') = ?1)"                     \
  " AND (?2 IS NULL OR json_extract(body, '$.user') = ?2)"                     \
  " AND (?3 IS NULL OR json_extract(body, '$.type') GLOB ?3)"                  \
  " ORDER BY pos LIMIT ?4"
#define MEMBERS                                                                \
  "SELECT at, json_extract(body, '$.id'), json_extract(body, '$.type'),"       \
  " json_extract(body, '$.user'), body -> '$.data', body, "

static const char outside[] = "UPDATE meta SET value = value + 1"
                              " WHERE name = 'outside'";

struct visit *visit_open(const char *path, struct buf *error) {
  sqlite3 *db = database_open(path, DATABASE_VISITS, error);
  if (!db)
    return NULL;
  struct visit *visit = mem_alloc(sizeof *visit);
  visit->db = db;
  return visit;
}

void visit_close(struct visit *visit) {
  if (!visit)
    return;
  sqlite3_close(visit->db);
  mem_free(visit);
}

static sqlite3_stmt *prepare_which(struct visit *visit, const char *sql,
                                   const struct visit_which *which,
                                   int64_t limit, struct buf *error) {
  sqlite3_stmt *s = database_prepare(visit->db, sql, error);
  if (!s)
    return NULL;
  database_bind(s, 1, which->id);
  database_bind(s, 2, which->user);
  database_bind(s, 3, which->type);
  sqlite3_bind_int64(s, 4, limit);
  return s;
}

int visit_each(struct visit *visit, const struct visit_which *which,
               visit_fn *each, void *arg, struct buf *error) {
  int step, err = 0;
  sqlite3_stmt *s = prepare_which(
      visit,
      which->dead ? MEMBERS "status, answer, buried FROM dead" WHICH
                  : MEMBERS "0, '', 0 FROM events" WHICH,
      which, which->limit, error);
  if (!s)
    return database_fault(visit->db, error);
  while ((step = sqlite3_step(s)) == SQLITE_ROW) {
    struct visit_event event = {.at_ms = sqlite3_column_int64(s, 0),
                                .id = database_text(s, 1),
                                .type = database_text(s, 2),
                                .user = database_text(s, 3),
                                .data = database_text(s, 4),
                                .body = database_text(s, 5),
                                .status = sqlite3_column_int(s, 6),
                                .answer = database_text(s, 7),
                                .buried_ms = sqlite3_column_int64(s, 8)};
    each(arg, &event);
  }
  if (step != SQLITE_DONE)
    err = database_fault(visit->db, error);
  sqlite3_finalize(s);
  return err;
}

static int run_which(struct visit *visit, const char *sql,
                     const struct visit_which *which, int64_t limit,
                     struct buf *error) {
  sqlite3_stmt *s = prepare_which(visit, sql, which, limit, error);
  int err = s ? database_step(s, error) : database_fault(visit->db, error);
  sqlite3_finalize(s);
  return err;
}

/* The first piece of them. `copy` may be NULL. */
static int change_piece(struct visit *visit, const struct visit_which *which,
                        int64_t limit, const char *copy, int64_t *count,
                        struct buf *error) {
  int err = database_run(visit->db, "BEGIN IMMEDIATE", error);
  if (err)
    return err;
  if (copy)
    err = run_which(visit, copy, which, limit, error);
  if (!err)
    err = run_which(visit,
                    which->dead ? "DELETE FROM dead WHERE pos IN"
                                  " (SELECT pos FROM dead" WHICH ")"
                                : "DELETE FROM events WHERE pos IN"
                                  " (SELECT pos FROM events" WHICH ")",
                    which, limit, error);
  *count = sqlite3_changes(visit->db);
  if (!err)
    err = database_run(visit->db, outside, error);
  if (!err)
    return database_run(visit->db, "COMMIT", error);
  sqlite3_exec(visit->db, "ROLLBACK", NULL, NULL, NULL);
  return err;
}

static int change_which(struct visit *visit, const struct visit_which *which,
                        const char *copy, int64_t *count, struct buf *error) {
  int64_t left = which->limit, done = 0;
  *count = 0;
  do {
    int64_t piece = left < 0 || left > PIECE ? PIECE : left;
    int err = change_piece(visit, which, piece, copy, &done, error);
    if (err)
      return err;
    *count += done;
    left -= left < 0 ? 0 : done;
  } while (done > 0 && left != 0);
  return 0;
}

int visit_replay(struct visit *visit, const struct visit_which *which,
                 int64_t *count, struct buf *error) {
  struct visit_which dead = *which;
  dead.dead = true;
  return change_which(visit, &dead,
                      "INSERT INTO events(at, lane, body)"
                      " SELECT at, lane, body FROM dead" WHICH,
                      count, error);
}

int visit_drop(struct visit *visit, const struct visit_which *which,
               int64_t *count, struct buf *error) {
  return change_which(visit, which, NULL, count, error);
}
