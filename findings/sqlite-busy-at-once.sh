#!/bin/sh
# SPDX-License-Identifier: MIT
# SQLite 3.40, WAL: a transaction that has read before it writes does not wait
# for the busy time-out.
# Guess: with `PRAGMA busy_timeout = 60000` a writer waits for up to a minute.
# Seen: "database is locked" at once, when somebody else has written since the
# first read: waiting could not help, for what was read is no longer true. Nor
# does trying the statement again: BEGIN IMMEDIATE is what helps.
. "$(dirname "$0")/lib/findings.sh"
debian python3
cat >"$folder/busy.py" <<'END'
import sqlite3, sys
def open_db():
    db = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
    return db
a, b = open_db(), open_db()
a.execute("PRAGMA journal_mode = WAL")
a.execute("CREATE TABLE t (n)")
a.execute("INSERT INTO t VALUES (0)")
a.execute("BEGIN")
a.execute("SELECT n FROM t").fetchall()
b.execute("UPDATE t SET n = 1") # is committed: nobody holds a lock
for attempt in "first", "second":
    try:
        a.execute("UPDATE t SET n = n + 1")
        print(attempt, "written")
    except sqlite3.OperationalError as error:
        print(attempt, error)
a.execute("COMMIT")
a.execute("BEGIN IMMEDIATE")
a.execute("UPDATE t SET n = n + 1")
a.execute("COMMIT")
print("immediate:", a.execute("SELECT n FROM t").fetchone()[0])
END
timeout 30 /usr/bin/python3 "$folder/busy.py" "$folder/db" | expect python3 \
'first database is locked
second database is locked
immediate: 2'
