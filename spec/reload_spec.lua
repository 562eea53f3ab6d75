-- SPDX-License-Identifier: MIT
local t = require "perigee.testing"

local function version(number)
  return ([[
    local lib = require "lib.value"
    return {
      version = function() return %d end,
      value = function() return lib end,
    }
  ]]):format(number)
end

local function start(options, mode)
  options = options or {}
  options["limits.messages_per_s"] = 0 -- the examples poll
  return t.server {
    mode = mode,
    options = options,
    scripts = {
      ["main.lua"] = version(1),
      ["lib/value.lua"] = "return 'old'",
    },
  }
end

describe("A reload", function()
  local server, alice

  before_each(function()
    server = start()
    alice = server:connect { user = "alice" }
  end)

  after_each(function() server:stop() end)

  it("brings the new scripts, and every client stays", function()
    local bob = server:connect { user = "bob" }
    assert.equal(1, alice:request "version")
    server:write("main.lua", version(2))
    local line = server:reload()
    assert.matches("info", line, 1, true)
    assert.matches("2", line:match "reload.*", 1, true)
    assert.equal(2, alice:request "version")
    assert.equal(2, bob:request "version")
    alice:expect_nothing()
    bob:expect_nothing()
  end)

  it("brings new modules too", function()
    assert.equal("old", alice:request "value")
    server:write("lib/value.lua", "return 'new'")
    server:reload()
    assert.equal("new", alice:request "value")
  end)

  it("brings new files and forgets removed ones", function()
    server:write("more.lua", "return { more = function() return 1 end }")
    server:reload()
    assert.equal(1, alice:request "more")
    server:remove "more.lua"
    server:reload()
    local _, code = alice:try "more"
    assert.equal("UNKNOWN_TYPE", code)
  end)

  -- What is wrong, the script, and what the log line must tell.
  for what, case in pairs {
    ["does not compile"] = { "return {\n  x = function( end }",
      "broken.lua:2:" },
    ["raises"] = { "\nerror 'no luck'", "broken.lua:2: no luck" },
    ["returns nothing"] = { "local x = 1", "broken.lua" },
    ["returns something else"] = { "return 5", "broken.lua" },
    ["has a handler that is none"] = { "return { thing = 5 }",
      "broken.lua", "thing" },
    ["has a type twice"] = { "return { version = function() end }",
      "broken.lua", "main.lua", "version" },
    ["has a reserved type"] = { "return { join = function() end }",
      "broken.lua", "join" },
    ["has a reserved answer"] = { "return { reply = function() end }",
      "broken.lua", "reply" },
    ["has a reserved event"] = { "return { joined = function() end }",
      "broken.lua", "joined" },
    ["has a type in $"] = { "return { ['$x'] = function() end }",
      "broken.lua", "$x" },
    ["has an unknown hook"] = { "return { ['@conect'] = function() end }",
      "broken.lua", "@conect" },
    ["has a hook that is no function"] = { "return { ['@join'] = true }",
      "broken.lua", "@join" },
    ["has a type with a blank"] = { "return { ['a b'] = function() end }",
      "broken.lua", "a b" },
    ["requires what is not there"] = { "require 'lib.nothing'",
      "broken.lua:1:", "lib.nothing" },
    ["sets a global"] = { "\n\nsurprise = 1\nreturn {}",
      "broken.lua:3:", "surprise" },
  } do
    it("changes nothing when a script " .. what, function()
      server:write("main.lua", version(2))
      server:write("broken.lua", case[1])
      local before = #server:log()
      local line = server:reload_fails()
      assert.matches("error", line, 1, true)
      local log = server:log():sub(before + 1)
      for i = 2, #case do
        assert.matches(case[i], log, 1, true)
      end
      assert.equal(1, alice:request "version")
      server:remove "broken.lua"
      server:reload()
      assert.equal(2, alice:request "version")
    end)
  end

  it("can follow another a hundred times", function()
    for i = 2, 100 do
      server:write("main.lua", version(i))
      server:reload()
      assert.equal(i, alice:request "version")
    end
  end)
end)

describe("A server that watches its scripts", function()
  for what, arguments in pairs {
    ["asked to"] = { { watch = "true" }, "serve" },
    ["in development mode"] = { nil, "dev" },
  } do
    it("reloads when a file changes, " .. what, function()
      local server = start(table.unpack(arguments, 1, 2))
      local alice = server:connect { user = "alice" }
      server:write("main.lua", version(2))
      t.wait_until(function() return alice:request "version" == 2 end)
      server:write("lib/value.lua", "return 'new'")
      t.wait_until(function() return alice:request "value" == "new" end)
      local at = #server:log() + 1
      server:write("main.lua", "return {")
      server:wait_log("main.lua:1:", at)
      assert.equal(2, alice:request "version")
    end)
  end
end)

describe("A watch on the scripts", function()
  local server, alice

  before_each(function()
    server = start { watch = "true" }
    alice = server:connect { user = "alice" }
  end)

  after_each(function() server:stop() end)

  local function expect_version(number)
    t.wait_until(function() return alice:request "version" == number end)
  end

  -- Not by a rename: the file is there, empty or half, before it is whole.
  local function write_in_place(name, ...)
    local file = assert(io.open(server.scripts .. "/" .. name, "wb"))
    for _, part in ipairs { ... } do
      file:write(part)
      file:flush()
    end
    file:close()
  end

  it("sees files that are written in place", function()
    local text = version(2)
    write_in_place("main.lua", text:sub(1, 40), text:sub(41))
    expect_version(2)
    write_in_place("main.lua", version(3))
    expect_version(3)
  end)

  it("goes on after it has seen one that was half written", function()
    local file = assert(io.open(server.scripts .. "/main.lua", "wb"))
    file:write "return {"
    file:flush()
    server:wait_log "reload failed[^\n]*main.lua:1:"
    assert.equal(1, alice:request "version")
    file:write "version = function() return 2 end }"
    file:close()
    expect_version(2)
  end)

  it("sees files that editors replace, again and again", function()
    for i = 2, 5 do
      local path = server.scripts .. "/main.lua"
      assert(os.rename(path, path .. "~"))
      write_in_place("main.lua", version(i))
      expect_version(i)
    end
  end)

  it("waits for a module that comes after its script", function()
    server:write("more.lua", [[
      local words = require "new.deep.words"
      return { word = function() return words end }
    ]])
    server:wait_log "reload failed[^\n]*more.lua"
    server:write("new/deep/words.lua", "return 'hello'")
    server:wait_log "is live"
    assert.equal("hello", alice:request "word")
    server:write("new/deep/words.lua", "return 'hi'") -- a new folder, watched
    t.wait_until(function() return alice:request "word" == "hi" end)
  end)

  it("finds a folder that was replaced, also late", function()
    local old = server.dir .. "/old"
    assert(os.rename(server.scripts, old))
    server:wait_log "cannot watch"
    assert.equal(1, alice:request "version")
    assert(os.rename(old, server.scripts))
    server:write("main.lua", version(2))
    expect_version(2)
    server:write("main.lua", version(3))
    expect_version(3)
  end)
end)

describe("What a reload hands over", function()
  local function stateful(name)
    return ([[
      local perigee, kept = require "perigee", nil
      return {
        ["@start"] = function(previous) kept = previous end,
        ["@stop"] = function()
          for _, client in ipairs(perigee.clients_of "alice") do
            client.state.stopped = (client.state.stopped or 0) + 1
          end
          return { by = %q }
        end,
        ["kept.%s"] = function() return kept and kept.by end,
        ["stopped.%s"] = function(client) return client.state.stopped end,
      }
    ]]):format(name, name, name)
  end

  it("goes to the script that kept it, and into client.state", function()
    local server = t.server { scripts = {
      ["one.lua"] = stateful "one", ["two.lua"] = stateful "two",
    } }
    local alice = server:connect { user = "alice" }
    server:reload()
    assert.equal("one", alice:request "kept.one")
    assert.equal("two", alice:request "kept.two")
    assert.equal(2, alice:request "stopped.one")
  end)

  it("is nothing that an old generation could still reach", function()
    local server = t.server { scripts = { ["main.lua"] = [[
      local held
      return {
        hold = function(client)
          held = setmetatable({ client = client }, {
            __gc = function(self) self.client:close(4100) end,
          })
          return "held"
        end,
        fine = function() return "fine" end,
      }
    ]] } }
    local alice = server:connect { user = "alice" }
    assert.equal("held", alice:request "hold")
    for _ = 1, 3 do server:reload() end
    assert.equal("fine", alice:request "fine")
  end)

  it("is not mixed with what scripts do while they are loaded", function()
    local server = t.server { scripts = { ["main.lua"] =
      "return { echo = function(_, data) return data end }",
    }, options = {
      ["limits.messages_per_s"] = 0, ["limits.bytes_per_s"] = 0,
    } }
    local alice = server:connect { user = "alice" }
    server:write("main.lua", [[
      local perigee = require "perigee"
      for _ = 1, 1000 do
        perigee.jwt.sign { sub = "x", fill = ("k"):rep(500) }
      end
      return { echo = function(_, data) return data end }
    ]])
    server:signal "HUP"
    local text = ("e"):rep(400)
    local line
    repeat
      for _ = 1, 20 do assert.equal(text, alice:request("echo", text)) end
      line = server:log():match "[^\n]*reload[^\n]*\n"
    until line
    assert.matches("gen=2 is live", line, 1, true)
  end)
end)
