-- SPDX-License-Identifier: MIT
-- ["@rooms"]: what may be declared, and what a mistake says.
local t = require "perigee.testing"

describe("@rooms", function()
  local start = t.server

  local function script(rules)
    return ([[return { ["@rooms"] = %s }]]):format(rules)
  end

  -- What a server says that does not start with these rules.
  local function refusal(rules)
    local ok, text = pcall(start, { scripts = { ["rooms.lua"] = script(rules) } })
    assert.is_false(ok, "it started")
    return tostring(text)
  end

  it("takes what the manual shows", function()
    local server = start { scripts = { ["rooms.lua"] = script [[{
      ["chat:*"] = { history = { messages = 200, seconds = 3600,
        bytes = 65536 }, presence = true },
      ["cursor:*"] = { latest = true, seconds = 600 },
      ["board"] = { presence = "count" },
      ["ticker"] = { history = { seconds = 0.5 }, resync = true },
      ["game:*"] = { history = { seconds = 60, when_down = "local" } },
      ["feed"] = { resync = true },
      ["*"] = { presence = false },
    }]] } }
    server:stop()
  end)

  for rules, text in pairs {
    ["5"] = "it must be a table of rules by room, not 5",
    ["{ 'a' }"] = "a room's name is a text, not 1",
    ["{ [''] = {} }"] = "a room's name has 1 to 128 bytes",
    ["{ ['a*b'] = {} }"] = "'a*b': a * stands at the end only",
    ["{ a = true }"] = "room 'a': a rule is a table",
    ["{ a = { histroy = {} } }"] = "did you mean 'history'?",
    ["{ a = { history = {} } }"] = "history: it needs messages or seconds",
    ["{ a = { history = true } }"] = "history must be a table",
    ["{ a = { history = { message = 1 } } }"] = "did you mean 'messages'?",
    ["{ a = { history = { messages = 0 } } }"] = "messages must be a whole",
    ["{ a = { history = { messages = 1.5 } } }"] = "messages must be a whole",
    ["{ a = { history = { seconds = 0 } } }"] = "seconds must be a number",
    ["{ a = { history = { messages = 1, bytes = 'x' } } }"] =
      "bytes must be a whole number",
    ["{ a = { history = { messages = 1, when_down = true } } }"] =
      "when_down must be \"local\" or \"refuse\", not true",
    ["{ a = { latest = 1 } }"] = "latest must be true or false, not 1",
    ["{ a = { seconds = 5 } }"] = "seconds belongs into history",
    ["{ a = { latest = true, seconds = 5, history = { messages = 1 } } }"] =
      "seconds stands in history or beside it, not in both",
    ["{ a = { presence = 'yes' } }"] = "presence must be true, \"count\"",
  } do
    it("refuses " .. rules, function()
      local message = refusal(rules)
      assert.truthy(message:find("rooms.lua: @rooms: ", 1, true), message)
      assert.truthy(message:find(text, 1, true), message)
    end)
  end

  it("may stand in several scripts, but not for the same name", function()
    local server = start { scripts = {
      ["a.lua"] = script "{ a = { presence = true } }",
      ["b.lua"] = script "{ b = { presence = true } }",
    } }
    server:stop()
    local ok, text = pcall(start, { scripts = {
      ["a.lua"] = script "{ a = { presence = true } }",
      ["b.lua"] = script "{ a = { presence = 'count' } }",
    } })
    assert.is_false(ok)
    assert.truthy(tostring(text):find(
      "b.lua: @rooms: room 'a' has a rule in", 1, true), tostring(text))
  end)
end)
