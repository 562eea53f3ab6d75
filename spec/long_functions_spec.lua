-- SPDX-License-Identifier: MIT
-- C functions of the standard library, in which no hook runs: what takes long is
-- ended all the same, and what is right is right.
local t = require "perigee.testing"

-- What Lua says to calls that are wrong, here and there.
local wrong = [[
  local function wrong()
    local texts = {}
    local many = {}
    for i = 1, 20000 do many[i] = i end
    for i, call in ipairs {
      function() table.insert({ 1, 2 }, 9, 1) end,
      function() table.insert({}, 1, 1, 1) end,
      function() table.remove({ 1 }, 7) end,
      function() table.concat({ 1, {} }) end,
      function() table.move({}, 1, math.maxinteger, 3) end,
      function() table.move(1, 2, 3, 4) end,
      function() table.sort({ 1, "x" }) end,
      function() table.sort(many, 5) end,
      function() ("x"):rep(1 << 60) end,
      function() string.rep() end,
      function() ("x"):find() end,
      function() string.upper {} end,
    } do
      texts[i] = select(2, pcall(call)):gsub("^[^ ]*:%d+: ", "")
    end
    return texts
  end
]]

local script = wrong .. [[
  local huge = 1 << 62
  local any = setmetatable({}, { __len = function() return huge end,
    __index = rawlen, __newindex = rawlen }) -- 0 everywhere, without a hook
  local long, many
  local function text() long = long or ("x"):rep(1 << 23) return long end
  local function list()
    if not many then
      many = {}
      for i = 1, 1 << 18 do many[i] = (i * 7919) % (1 << 18) end
    end
    return many
  end
  local endless = {
    ["move"] = function() table.move({}, 1, huge, 2) end,
    ["move down"] = function() table.move({}, 2, huge, 1) end,
    ["move elsewhere"] = function() table.move({}, 1, huge, 1, {}) end,
    ["insert"] = function() table.insert(any, 1, 0) end,
    ["remove"] = function() table.remove(any, 1) end,
    ["concat"] = function() table.concat(any, "", 1, huge) end,
    ["concat of nothing"] = function()
      table.concat(setmetatable({}, { __index = string }), "", 1, huge)
    end,
    ["find"] = function()
      text():find(("x"):rep(1 << 22) .. "y", 1, true)
      while true do text():find("y", 1, true) end
    end,
    ["upper"] = function() while true do text():upper() end end,
    ["match"] = function() while true do text():match "^x*$" end end,
    ["utf8.len"] = function() while true do utf8.len(text()) end end,
    ["tonumber"] = function() while true do tonumber(text()) end end,
    ["rep"] = function() while true do ("xyz"):rep(1 << 22) end end,
    ["json.decode"] = function()
      local decode, quoted = require "perigee".json.decode, '"' .. text() .. '"'
      while true do decode(quoted) end
    end,
    ["load"] = function() while true do load(text()) end end,
    ["collect"] = function() while true do collectgarbage() end end,
    ["sort"] = function()
      while true do table.sort(table.move(list(), 1, #list(), 1, {})) end
    end,
    ["sort by C"] = function()
      while true do table.sort(list(), rawequal) end
    end,
  }
  local function same(a, b, what) assert(a == b, what) end
  local function numbers(n)
    local all = {}
    for i = 1, n do all[i] = i end
    return all
  end
  return {
    endless = function(_, name) endless[name]() end,
    names = function()
      local names = {}
      for name in pairs(endless) do names[#names + 1] = name end
      return names
    end,
    empty = function() return #(""):rep(huge) .. #(""):rep(huge, "") end,
    right = function()
      for _, n in ipairs { 0, 1, 2, 3, 1000, 30000, 70001 } do
        for _, s in ipairs { "", "a", "ab", "abc" } do
          for _, sep in ipairs { "", ",", ";;" } do
            local parts = {}
            for i = 1, n do parts[i] = s end
            same(s:rep(n, sep), table.concat(parts, sep), s .. n .. sep)
          end
        end
      end
      local all = numbers(30000)
      table.insert(all, 5, "x")
      same(#all, 30001) same(all[5], "x") same(all[6], 5)
      same(all[30001], 30000)
      same(table.remove(all, 5), "x")
      same(#all, 30000) same(all[5], 5) same(all[30000], 30000)
      same(table.concat(all, ","), table.concat(numbers(30000), ","))
      for _, to in ipairs { 1, 2, 9000, 29999, 30001 } do
        local moved, plain = numbers(30000), numbers(30000)
        for i = 1, 30000 do plain[to + i - 1] = i end
        table.move(moved, 1, 30000, to)
        same(table.concat(moved, ","), table.concat(plain, ","), to)
      end
      local back, plain = numbers(30000), {}
      for i = 1, 20000 do plain[i] = i + 10000 end
      same(table.move(back, 10001, 30000, 1), back)
      for i = 20001, 30000 do plain[i] = i end
      same(table.concat(back, ","), table.concat(plain, ","))
      local from = setmetatable({}, { __index = function(_, i) return i end })
      same(table.move(from, 1, 20000, 1, {})[20000], 20000)
      local mixed = {}
      for i = 1, 30000 do mixed[i] = i * 7919 % 30011 end
      table.sort(mixed)
      for i = 2, #mixed do assert(mixed[i - 1] <= mixed[i]) end
      local x = ("x"):rep(70000)
      same((x .. "yz"):find("yz", 1, true), 70001)
      same(select(2, (x .. "yz"):find "yz"), 70002)
      same((x .. "yz"):find("yz", 70002), nil)
      same((x .. "yz"):find("yz", -2), 70001)
      same((x .. "yz"):find("yz", -80000), 70001)
      same((x .. "yz"):find("yz", math.mininteger), 70001)
      same(x:find("", 70001), 70001) same(x:find("", 70002), nil)
      same(x:find("x", 80000, true), nil)
      return "right"
    end,
    wrong = wrong,
    fine = function() return "fine" end,
  }
]]

describe("A C function that takes long", function()
  local server, alice

  lazy_setup(function()
    server = t.server {
      scripts = { ["main.lua"] = script },
      options = { ["script.burst_ms"] = 100, ["script.memory_mb"] = 256 },
    }
  end)

  lazy_teardown(function() server:stop() end)

  before_each(function() alice = server:connect "alice" end)

  -- Seconds of a processor that the server has used.
  local function used()
    local file <close> = assert(io.open(("/proc/%d/stat"):format(server.pid)))
    local user, system = file:read("a"):match("%)" .. (" %S+"):rep(11) .. " (%d+) (%d+)")
    return (user + system) / 100 -- USER_HZ
  end

  it("is ended", function()
    local names = alice:request "names"
    assert.is_true(#names > 10)
    for _, name in ipairs(names) do
      local before = used()
      local reply, code = alice:try("endless", name)
      assert.is_nil(reply, name)
      assert.is_true(code == "HANDLER_TIMEOUT" or code == "HANDLER_ERROR"
        and name:find "concat" ~= nil, name .. ": " .. tostring(code))
      assert.is_true(used() - before < 1, name)
      assert.equal("fine", alice:request "fine")
    end
  end)

  it("counts to no number for nothing", function()
    assert.equal("00", alice:request "empty")
  end)
end)

describe("The standard library", function()
  it("does what Lua's does, and refuses what that does", function()
    local server = t.server {
      scripts = { ["main.lua"] = script },
      options = { ["script.burst_ms"] = 60000 },
    }
    local alice = server:connect "alice"
    assert.equal("right", alice:request "right")
    assert.same(load(wrong .. "return wrong()", "=it")(), alice:request "wrong")
  end)
end)
