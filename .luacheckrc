-- SPDX-License-Identifier: MIT
std = "lua54"
max_line_length = 100
files["spec"] = { std = "+busted" }
files["templates/spec"] = { std = "+busted" }
-- Annotations: functions without a body, tables that nobody reads.
files["**/*.d.lua"] = { ignore = { "212", "241" } }
-- Its globals are options.
files["templates/perigee.cfg.lua"] = { ignore = { "111", "112", "113" } }
-- Gives busted its arguments.
files["lua/perigee/testing_run.lua"] = { globals = { "arg" } }
-- Replaces what scripts should not have.
files["lua/perigee/strict.lua"] = {
  globals = { "os", "load", "loadfile", "dofile", "print" },
}
-- What Redis runs.
files["lua/redis"] = { read_globals = { "redis", "KEYS", "ARGV", "struct" } }
