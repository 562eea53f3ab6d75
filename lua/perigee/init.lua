-- SPDX-License-Identifier: MIT
-- The module that scripts require: `local perigee = require "perigee"`.
--
-- The functions are C (src/script/lib_*.c); what each does is said in
-- docs/scripting.md. This file only gives them their place.

local core = require "perigee.core"

return core
