-- SPDX-License-Identifier: MIT
-- The module that scripts require: `local perigee = require "perigee"`.
--
-- Its functions are written in C (src/script/lib_*.c), but for those that are
-- given their place here. docs/scripting.md says what each does.

local core = require "perigee.core"

core.owner = require "perigee.owner"

return core
