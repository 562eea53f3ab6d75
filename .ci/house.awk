# SPDX-License-Identifier: MIT
# The house rules that no other checker knows: sizes, and who includes whom.
#
# A room of src/ uses itself and the rooms before it in the list; the two big
# dependencies have one room each, so that they can be replaced.

BEGIN {
  split("base config wire auth net trace redis events engine cluster hub script protocol edge api server load cli", rooms)
  for (i in rooms)
    rank[rooms[i]] = i + 0
}

function complain(text) {
  printf "%s:%d: %s\n", FILENAME, FNR, text
  bad = 1
}

FNR == 1 {
  split(FILENAME, path, "/")
  room = path[1] == "src" ? path[2] : ""
  built = FILENAME ~ /^(client\/perigee(\.global)?|console\/dist\/console)\.js$/
  test = FILENAME ~ /_test\.c$/ # may look into any room
}

FNR == 1 && room != "" && !(room in rank) {
  complain("src/" room "/ is no room, see docs/architecture.md")
}

FNR == 601 { complain("more than 600 lines") }

{
  width = length($0) - gsub(/[\200-\277]/, "&") # columns, not bytes of UTF-8
}

width > 100 && !built { complain("more than 100 columns") }

room != "" && width > 80 && !/https?:/ {
  complain("more than 80 columns")
}

room != "" && /^#include "/ {
  split($2, target, /["\/]/)
  if (!test && target[2] in rank && rank[target[2]] > rank[room])
    complain(room " may not use " target[2])
}

room != "" && room != "edge" && /^#include <libwebsockets/ {
  complain("only edge/ knows libwebsockets")
}

# net/fetch never blocks and needs a loop; `perigee reload` has none, and may.
room != "" && FILENAME !~ /^src\/(net\/fetch|cli\/ask)/ &&
/^#include <curl/ {
  complain("only net/fetch and cli/ask know libcurl")
}

# load/script.c: the traffic of `perigee bench --script`, in a process and a
# Lua state of its own, which no handler ever sees.
room != "" && room != "script" && FILENAME !~ /^src\/config\/(file|vars)\./ &&
FILENAME != "src/load/script.c" && /^#include <(lua|lauxlib|lualib)/ {
  complain("only script/, the configuration file and load/script.c know Lua")
}

room != "" && room != "redis" && /^#include <hiredis/ {
  complain("only redis/ knows hiredis")
}

room != "" && room != "events" && /^#include <sqlite3/ {
  complain("only events/ knows SQLite")
}

# Its own hash is not keyed: whoever chooses names could choose who meets.
room != "" && FILENAME != "src/base/hash.h" && /^#include <uthash/ {
  complain("only base/hash.h includes uthash")
}

END { exit bad }
