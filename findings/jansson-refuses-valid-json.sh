#!/bin/sh
# SPDX-License-Identifier: MIT
# Jansson 2.14 refuses JSON that RFC 8259 allows, unless it is told otherwise.
# Guess: a parser takes all that is valid. Seen: a text with \u0000, an
# integer over 63 bits, a number over the largest double, and a value that is
# neither array nor object are errors, each of the whole document. For the
# first and the last there is a flag, for the integer one that makes a float.
. "$(dirname "$0")/lib/findings.sh"
debian gcc libc6-dev libjansson-dev
cat >"$folder/j.c" <<'END'
#include <jansson.h>
#include <stdio.h>
int main(void)
{
  const char *texts[] = {"[\"a\\u0000b\"]", "[9223372036854775808]",
                         "[1e400]", "7", "{\"a\":1,\"a\":2}"};
  for (int i = 0; i < 5; i++) {
    json_error_t error;
    json_t *json = json_loads(texts[i], 0, &error);
    printf("%s -> %s\n", texts[i],
           json ? json_dumps(json, JSON_COMPACT) : error.text);
  }
  return 0;
}
END
cc -o "$folder/j" "$folder/j.c" -ljansson
"$folder/j" | expect jansson "$(cat <<'END'
["a\u0000b"] -> \u0000 is not allowed without JSON_ALLOW_NUL near '"a\u0000b"'
[9223372036854775808] -> too big integer near '9223372036854775808'
[1e400] -> real number overflow near '1e400'
7 -> '[' or '{' expected near '7'
{"a":1,"a":2} -> {"a":2}
END
)"
