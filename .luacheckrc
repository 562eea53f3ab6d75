-- SPDX-License-Identifier: MIT
std = "lua54"
max_line_length = 100
files["spec"] = { std = "+busted" }
-- Replaces what scripts should not have.
files["lua/perigee/strict.lua"] = {
  globals = { "os", "load", "loadfile", "dofile", "print" },
}
