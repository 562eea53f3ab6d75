#!/bin/sh
# SPDX-License-Identifier: MIT
# lua-cjson 2.1.0 (Debian's, on Lua 5.4): all numbers are floats of 14 digits.
# Guess: 1 becomes the integer 1, as in Lua itself, and what was decoded is
# encoded as it was. Seen: 1 is 1.0, so that `"user:" .. id` is "user:1.0"; an
# id of 16 digits comes back as another one; an empty array as an object; and
# a list with a hole is an array with null, or refused, by how large it is.
. "$(dirname "$0")/lib/findings.sh"
debian lua5.4 lua-cjson
cat >"$folder/cjson.lua" <<'END'
local cjson = require "cjson"
for _, text in ipairs { "[1]", "[9007199254740991]", "[123456789012345]",
  "[[]]", '["a/b"]' } do
  local list = cjson.decode(text)
  print(text, "first: " .. tostring(list[1]):gsub("0x.*", ""),
    cjson.encode(list))
end
print(cjson.encode { [1] = 1, [3] = 3 }, cjson.encode { 1, x = 2 })
print(pcall(cjson.encode, { [1] = 1, [11] = 11 }))
END
lua5.4 "$folder/cjson.lua" | tr '\t' ' ' | expect 'lua5.4' "$(cat <<'END'
[1] first: 1.0 [1]
[9007199254740991] first: 9.007199254741e+15 [9.007199254741e+15]
[123456789012345] first: 1.2345678901234e+14 [1.2345678901234e+14]
[[]] first: table:  [{}]
["a/b"] first: a/b ["a\/b"]
[1,null,3] {"1":1,"x":2}
false Cannot serialise table: excessively sparse array
END
)"
