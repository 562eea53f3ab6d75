# SPDX-License-Identifier: MIT
# A function's name stands once in src/: traces, profiles and searches then say
# which one is meant, and `static` is no reason to be called `fail`.
#
#   awk -v most=N -f .ci/names.awk FILE…
#
# It fails when more than `most` names stand twice, and then lists them.
# It relies on clang-format: a definition begins in the first column, and its
# head ends with a brace. What is a program of its own (a
# test, fuzz/, bench/, field/) is not looked at, whoever asks about it.

function complain(where, text) {
  complaints[++count] = where ": " text
}

# The head, as one line: "static const char *name(…) {".
function take_head(head, place,    name) {
  gsub(/__attribute__ *\(\(.*\)\) */, "", head)
  if (head ~ /^(typedef|return) / || head ~ /=.*\(/)
    return
  name = head
  sub(/ *\(.*/, "", name)
  sub(/.*[ *]/, "", name)
  if (name !~ /^[A-Za-z_][A-Za-z_0-9]*$/)
    return
  if (name in seen && seen[name] !~ "^" FILENAME ":")
    complain(place, "`" name "` stands in " seen[name] \
      " too: a name that says of what")
  else if (name in seen)
    complain(place, "`" name "` stands twice in this file")
  else
    seen[name] = place
}

FNR == 1 { head = "" }

FILENAME ~ /_test\.[ch]$/ || FILENAME !~ /^(\.\/)?src\// { next }

head == "" && /^[A-Za-z_].*\(/ && !/;$/ {
  head = $0
  place = FILENAME ":" FNR
  if (/\{$/) {
    take_head(head, place)
    head = ""
  }
  next
}

head != "" {
  head = head " " $0
  if (/\{$/)
    take_head(head, place)
  if (/[{;]$/ || /^[#}]/)
    head = ""
}

END {
  if (count <= most)
    exit 0
  for (i = 1; i <= count; i++)
    print complaints[i]
  if (most)
    print count " names stand twice, the bound is " most
  exit 1
}
