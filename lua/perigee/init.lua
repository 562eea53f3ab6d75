-- SPDX-License-Identifier: MIT
-- The module that scripts require: `local perigee = require "perigee"`.
--
-- Its functions are written in C (src/script/lib_*.c). docs/scripting.md says
-- what each does. This file only gives them their place.

local core = require "perigee.core"

return core
