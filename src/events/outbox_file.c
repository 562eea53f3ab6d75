/* SPDX-License-Identifier: MIT
 * An outbox in a file.
 *
 * The writer and the sender have a connection each. The writer's checkpoints
 * would stand in the way of those who wait for a commit, as they wait for the
 * disk. So the sender makes them, which holds up nobody; the writer only when
 * the journal has become long all the same. */
#include "events/outbox_file.h"

#include "base/err.h"
#include "base/mem.h"
#include "events/database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { CHECKPOINT_PAGES = 1000, JOURNAL_PAGES = 16000 };

enum statement {
  PUT,
  TAKE,
  BURY,
  BEGIN_STAND,
  END_STAND,
  DEAD_OLDEST,
  DEAD_DROP,
  OLDEST,
  PAGES,
  PAGE_BYTES,
  FREE_PAGES,
  STATEMENTS
};

static const char bury_text[] =
    "INSERT INTO dead(at, lane, body, status, answer, buried)"
    " SELECT at, lane, body, ?2, ?3, ?4 FROM events WHERE pos = ?1"
    " RETURNING length(body) + length(answer)";

static const char *const texts[STATEMENTS] = {
    [PUT] = "INSERT INTO events(at, lane, body) VALUES(?1, ?2, ?3)",
    [TAKE] = "DELETE FROM events WHERE pos = ?1",
    [BURY] = bury_text,
    [BEGIN_STAND] = "INSERT OR REPLACE INTO standing VALUES(?1, ?2, ?3, ?4)",
    [END_STAND] = "DELETE FROM standing WHERE kind = ?1 AND key = ?2",
    [DEAD_OLDEST] =
        "SELECT length(body) + length(answer) FROM dead ORDER BY pos LIMIT 1",
    [DEAD_DROP] = "DELETE FROM dead WHERE pos = (SELECT min(pos) FROM dead)",
    [OLDEST] = "SELECT at FROM events ORDER BY pos LIMIT 1",
    [PAGES] = "PRAGMA page_count",
    [PAGE_BYTES] = "PRAGMA page_size",
    [FREE_PAGES] = "PRAGMA freelist_count",
};

struct outbox_file {
  struct outbox base;
  struct outbox_file_options options;
  int lock;
  sqlite3 *writer, *reader;
  sqlite3_stmt *statements[STATEMENTS]; /* of the writer */
  sqlite3_stmt *read, *has, *outside;   /* of the sender */
  int64_t changes;                      /* meta.outside, when last seen */
  int64_t dead, dead_bytes;
  _Atomic int journal_pages;
};

static struct outbox_file *file_of(struct outbox *outbox) {
  return container_of(outbox, struct outbox_file, base);
}

/* --- the writer --------------------------------------------------------- */

static int begin_or_end_stand(struct outbox_file *file,
                              const struct outbox_work *work,
                              struct buf *error) {
  sqlite3_stmt *s = file->statements[work->begins ? BEGIN_STAND : END_STAND];
  sqlite3_bind_int(s, 1, (int)work->stand);
  database_bind(s, 2, work->key);
  if (work->begins) {
    database_bind(s, 3, work->lane);
    database_bind(s, 4, work->data);
  }
  return database_step(s, error);
}

static int put_event(struct outbox_file *file, const struct outbox_work *work,
                     struct buf *error) {
  sqlite3_stmt *s = file->statements[PUT];
  if (work->stand) {
    int err = begin_or_end_stand(file, work, error);
    if (err || work->silent)
      return err;
  }
  sqlite3_bind_int64(s, 1, work->at_ms);
  database_bind(s, 2, work->lane);
  database_bind(s, 3, work->body);
  return database_step(s, error);
}

static int take_event(struct outbox_file *file, int64_t pos,
                      struct buf *error) {
  sqlite3_stmt *s = file->statements[TAKE];
  sqlite3_bind_int64(s, 1, pos);
  return database_step(s, error);
}

/* So that dead letters do not fill the outbox. */
static int bound_dead(struct outbox_file *file, struct buf *error) {
  int err = 0;
  while (!err && file->dead > 0 &&
         (file->dead > OUTBOX_DEAD_MAX ||
          (uint64_t)file->dead_bytes > file->options.dead_bytes)) {
    int64_t bytes = 0;
    err = database_number(file->statements[DEAD_OLDEST], &bytes, error);
    if (!err)
      err = database_step(file->statements[DEAD_DROP], error);
    file->dead--;
    file->dead_bytes -= bytes;
  }
  return err;
}

static int bury_event(struct outbox_file *file, const struct outbox_work *work,
                      struct buf *error) {
  sqlite3_stmt *s = file->statements[BURY];
  sqlite3_bind_int64(s, 1, work->pos);
  sqlite3_bind_int(s, 2, work->status);
  database_bind(s, 3, work->body);
  sqlite3_bind_int64(s, 4, work->at_ms);
  int64_t bytes = 0;
  int err = database_number(s, &bytes, error);
  if (!err && bytes > 0) { /* else somebody has dropped it */
    file->dead++;
    file->dead_bytes += bytes;
    err = bound_dead(file, error);
  }
  return err ? err : take_event(file, work->pos, error);
}

static int count_dead(struct outbox_file *file, struct buf *error) {
  sqlite3_stmt *count =
      database_prepare(file->writer, "SELECT count(*) FROM dead", error);
  sqlite3_stmt *bytes = database_prepare(
      file->writer,
      "SELECT coalesce(sum(length(body) + length(answer)), 0) FROM dead",
      error);
  int err = !count || !bytes ? ERR_SYSTEM
                             : database_number(count, &file->dead, error);
  if (!err)
    err = database_number(bytes, &file->dead_bytes, error);
  sqlite3_finalize(count);
  sqlite3_finalize(bytes);
  return err;
}

static int write_work(struct outbox_file *file, const struct outbox_work *work,
                      struct buf *error) {
  switch (work->what) {
  case OUTBOX_PUT:
    return put_event(file, work, error);
  case OUTBOX_TAKE:
    return take_event(file, work->pos, error);
  case OUTBOX_BURY:
    return bury_event(file, work, error);
  }
  return 0;
}

static int append_works(struct outbox_file *file, const struct list *works,
                        struct buf *error) {
  LIST_FOREACH (it, works) {
    int err =
        write_work(file, container_of(it, struct outbox_work, node), error);
    if (err)
      return err;
  }
  return 0;
}

static int end_write(struct outbox_file *file, int err, struct buf *error) {
  if (!err)
    err = database_run(file->writer, "COMMIT", error);
  if (err) {
    struct buf echo = {0};
    sqlite3_exec(file->writer, "ROLLBACK", NULL, NULL, NULL);
    (void)count_dead(file, &echo); /* what was counted did not happen */
    buf_free(&echo);
  }
  return err;
}

static int write_outbox(struct outbox *outbox, const struct list *works,
                        struct buf *error) {
  struct outbox_file *file = file_of(outbox);
  int err = database_run(file->writer, "BEGIN IMMEDIATE", error);
  return err ? err : end_write(file, append_works(file, works, error), error);
}

/* --- what the process before has left ----------------------------------- */

/* `{"conn":1}` becomes `{"conn":1,"lost":true}`. */
static void write_lost(const char *data, struct buf *out) {
  size_t len = strlen(data);
  buf_put(out, data, len > 0 ? len - 1 : 0); /* of a file: it may be none */
  buf_puts(out, len > 2 ? ",\"lost\":true}" : "\"lost\":true}");
}

static int recover_one(struct outbox_file *file, sqlite3_stmt *standing,
                       const char *id, int64_t now_ms, struct buf *error) {
  struct buf data = {0}, body = {0};
  const char *lane = database_text(standing, 2);
  enum event_stand stand = (enum event_stand)sqlite3_column_int(standing, 0);
  write_lost(database_text(standing, 3), &data);
  struct event event = {.type = event_stand_type(stand, false),
                        .user = stand != EVENT_ROOM && *lane ? lane : NULL,
                        .data = data.data,
                        .data_len = data.len};
  event_write(&event, id, now_ms, &body);
  buf_putc(&body, 0);
  struct outbox_work work = {
      .what = OUTBOX_PUT, .at_ms = now_ms, .lane = lane, .body = body.data};
  int err = put_event(file, &work, error);
  buf_free(&data);
  buf_free(&body);
  return err;
}

static bool is_told_again(sqlite3_stmt *standing, char *const *types) {
  int stand = sqlite3_column_int(standing, 0);
  return stand > EVENT_ALONE && stand < EVENT_STANDS &&
         event_is_chosen(types,
                         event_stand_type((enum event_stand)stand, false));
}

static int recover_all(struct outbox_file *file, char *const *types,
                       const char *id, int64_t now_ms, unsigned *count,
                       struct buf *error) {
  char number[EVENT_ID_BYTES];
  int err = 0, step;
  sqlite3_stmt *standing = database_prepare(
      file->writer,
      "SELECT kind, key, lane, data FROM standing ORDER BY kind, key", error);
  if (!standing)
    return ERR_SYSTEM;
  while (!err && (step = sqlite3_step(standing)) == SQLITE_ROW) {
    if (!is_told_again(standing, types))
      continue;
    snprintf(number, sizeof number, "%s-%u", id, ++*count);
    err = recover_one(file, standing, number, now_ms, error);
  }
  if (!err && step != SQLITE_DONE)
    err = database_fault(file->writer, error);
  sqlite3_finalize(standing);
  return err ? err : database_run(file->writer, "DELETE FROM standing", error);
}

static int recover_outbox(struct outbox *outbox, char *const *types,
                          const char *id, int64_t now_ms, unsigned *count,
                          struct buf *error) {
  struct outbox_file *file = file_of(outbox);
  int err = database_run(file->writer, "BEGIN IMMEDIATE", error);
  *count = 0;
  if (err)
    return err;
  return end_write(file, recover_all(file, types, id, now_ms, count, error),
                   error);
}

static int count_waiting(struct outbox_file *file, struct outbox_state *state,
                         struct buf *error) {
  int64_t waiting = 0;
  sqlite3_stmt *count =
      database_prepare(file->writer, "SELECT count(*) FROM events", error);
  int err = count ? database_number(count, &waiting, error) : ERR_SYSTEM;
  sqlite3_finalize(count);
  state->waiting = (uint64_t)waiting;
  return err ? err : count_dead(file, error);
}

static int look_at_outbox(struct outbox *outbox, bool counts,
                          struct outbox_state *state, struct buf *error) {
  struct outbox_file *file = file_of(outbox);
  int64_t pages = 0, unused = 0, page = 0;
  int err = database_number(file->statements[PAGES], &pages, error);
  if (!err)
    err = database_number(file->statements[FREE_PAGES], &unused, error);
  if (!err)
    err = database_number(file->statements[PAGE_BYTES], &page, error);
  if (!err)
    err = database_number(file->statements[OLDEST], &state->oldest_ms, error);
  if (!err && counts)
    err = count_waiting(file, state, error);
  state->bytes = (uint64_t)((pages - unused) * page);
  state->dead = (uint64_t)file->dead;
  return err;
}

/* --- the sender --------------------------------------------------------- */

static void checkpoint_file(struct outbox_file *file) {
  if (atomic_load(&file->journal_pages) < CHECKPOINT_PAGES)
    return;
  atomic_store(&file->journal_pages, 0);
  sqlite3_wal_checkpoint_v2(file->reader, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
                            NULL);
}

static int read_outbox(struct outbox *outbox, int64_t after, unsigned max,
                       outbox_item_fn *each, void *arg, struct buf *error) {
  struct outbox_file *file = file_of(outbox);
  sqlite3_stmt *s = file->read;
  int step;
  sqlite3_bind_int64(s, 1, after);
  sqlite3_bind_int64(s, 2, max);
  while ((step = sqlite3_step(s)) == SQLITE_ROW) {
    struct outbox_item item = {.pos = sqlite3_column_int64(s, 0),
                               .at_ms = sqlite3_column_int64(s, 1),
                               .lane = database_text(s, 2),
                               .body = database_text(s, 3),
                               .body_len = (size_t)sqlite3_column_bytes(s, 3)};
    each(arg, &item);
  }
  sqlite3_reset(s);
  checkpoint_file(file);
  return step == SQLITE_DONE ? 0 : database_fault(file->reader, error);
}

static bool outbox_has(struct outbox *outbox, int64_t pos) {
  struct outbox_file *file = file_of(outbox);
  struct buf error = {0};
  int64_t found = 0;
  sqlite3_bind_int64(file->has, 1, pos);
  int err = database_number(file->has, &found, &error);
  buf_free(&error);
  return err || found; /* if it cannot be known, it is sent once more */
}

static bool outbox_changed(struct outbox *outbox) {
  struct outbox_file *file = file_of(outbox);
  struct buf error = {0};
  int64_t changes = 0;
  int err = database_number(file->outside, &changes, &error);
  buf_free(&error);
  checkpoint_file(file);
  if (err || changes == file->changes)
    return false;
  file->changes = changes;
  return true;
}

/* --- life --------------------------------------------------------------- */

static void free_outbox(struct outbox *outbox) {
  struct outbox_file *file = file_of(outbox);
  for (int i = 0; i < STATEMENTS; i++)
    sqlite3_finalize(file->statements[i]);
  sqlite3_finalize(file->read);
  sqlite3_finalize(file->has);
  sqlite3_finalize(file->outside);
  sqlite3_close(file->reader);
  sqlite3_close(file->writer);
  if (file->lock >= 0)
    close(file->lock);
  mem_free(file);
}

static const struct outbox_calls file_calls = {
    .write = write_outbox,
    .recover = recover_outbox,
    .read = read_outbox,
    .has = outbox_has,
    .changed = outbox_changed,
    .state = look_at_outbox,
    .free = free_outbox,
};

/* Not on the file itself: to close it would end the locks of SQLite. */
static int lock_outbox(struct outbox_file *file, struct buf *error) {
  struct buf path = {0};
  buf_printf(&path, "%s.lock", file->options.path);
  file->lock = open(path.data, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  int failed = file->lock < 0 || flock(file->lock, LOCK_EX | LOCK_NB);
  if (failed && errno == EWOULDBLOCK)
    buf_puts(error, "another server sends from it: give each a file of its "
                    "own");
  else if (failed)
    buf_printf(error, "%s: %s", path.data, strerror(errno));
  buf_free(&path);
  return failed ? ERR_SYSTEM : 0;
}

static int on_journal(void *arg, sqlite3 *db, const char *name, int pages) {
  struct outbox_file *file = arg;
  atomic_store(&file->journal_pages, pages);
  if (pages > JOURNAL_PAGES)
    sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
  return SQLITE_OK;
}

static int prepare_reader(struct outbox_file *file, struct buf *error) {
  file->read = database_prepare(
      file->reader,
      "SELECT pos, at, lane, body FROM events WHERE pos > ?1 ORDER BY pos"
      " LIMIT ?2",
      error);
  file->has = database_prepare(file->reader,
                               "SELECT 1 FROM events WHERE pos = ?1", error);
  file->outside = database_prepare(
      file->reader, "SELECT value FROM meta WHERE name = 'outside'", error);
  if (!file->read || !file->has || !file->outside)
    return ERR_SYSTEM;
  return database_number(file->outside, &file->changes, error);
}

static int open_connections(struct outbox_file *file, struct buf *error) {
  const char *path = file->options.path;
  file->writer = database_open(path, DATABASE_SERVES, error);
  if (!file->writer)
    return ERR_SYSTEM;
  file->reader = database_open(path, DATABASE_SERVES, error);
  if (!file->reader)
    return ERR_SYSTEM;
  for (int i = 0; i < STATEMENTS; i++)
    if (!(file->statements[i] =
              database_prepare(file->writer, texts[i], error)))
      return ERR_SYSTEM;
  int err = database_run(file->writer,
                         file->options.sync ? "PRAGMA synchronous=FULL"
                                            : "PRAGMA synchronous=NORMAL",
                         error);
  sqlite3_wal_autocheckpoint(file->reader, 0);
  sqlite3_wal_hook(file->writer, on_journal, file);
  return err ? err : prepare_reader(file, error);
}

struct outbox *outbox_file_open(const struct outbox_file_options *options,
                                struct buf *error) {
  struct outbox_file *file = mem_alloc(sizeof *file);
  file->base.calls = &file_calls;
  file->options = *options;
  int err = lock_outbox(file, error);
  if (!err)
    err = open_connections(file, error);
  if (!err)
    err = count_dead(file, error);
  if (!err)
    return &file->base;
  free_outbox(&file->base);
  return NULL;
}
