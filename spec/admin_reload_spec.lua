-- SPDX-License-Identifier: MIT
-- POST /reload, and what the admin address does while a worker is busy.
local admin = require "spec.support.admin"
local fifo = require "spec.support.fifo"
local t = require "perigee.testing"

local get, reload, metric = admin.get, admin.reload, admin.metric
local begin = admin.begin

describe("While a worker is busy the admin address", function()
  local server, alice, go_on

  before_each(function()
    server = t.server { scripts = { ["main.lua"] = fifo.script } }
    alice = server:connect { user = "alice" }
    go_on = fifo.block(server, alice)
  end)

  after_each(function()
    go_on()
    server:stop()
  end)

  it("answers, with the figures of last time", function()
    assert.equal(200, (get(server, "/healthz")))
    assert.equal(0, metric(server, 'perigee_worker_answering{worker="1"}'))
    go_on()
    t.wait_until(function()
      return metric(server, 'perigee_worker_answering{worker="1"}') == 1
    end)
    assert.equal(1, metric(server, 'perigee_connections{worker="1"}'))
  end)

  it("serves all reloads that wait with one", function()
    local answers = {}
    for i = 1, 5 do answers[i] = begin(server, "POST /reload") end
    assert.equal(200, (get(server, "/healthz"))) -- so they have arrived
    go_on()
    local generations = {}
    for i = 1, 5 do
      local answer = answers[i]()
      assert.is_true(answer.ok)
      generations[i] = answer.generation
    end
    table.sort(generations)
    assert.same({ 2, 3, 3, 3, 3 }, generations)
  end)

  it("forgets who does not wait for the answer", function()
    for _, line in ipairs { "POST /reload", "POST /reload", "GET /metrics" } do
      local _, conn = begin(server, line)
      assert.equal(200, (get(server, "/healthz")))
      conn:close()
    end
    go_on()
    assert.is_true(reload(server).ok)
    assert.equal(1, metric(server, 'perigee_worker_answering{worker="1"}'))
  end)
end)

describe("POST /reload", function()
  local server, alice

  before_each(function()
    server = t.server { scripts = {
      ["one.lua"] = "return { one = function() return 1 end }",
      ["two.lua"] = [[
        local value = require "lib.value"
        return { two = function() return value end, more = function() end }
      ]],
      ["lib/value.lua"] = "return 2",
    } }
    alice = server:connect { user = "alice" }
  end)

  after_each(function() server:stop() end)

  local function expect_changes(answer, added, removed, changed)
    assert.same({ added, removed, changed },
      { { table.unpack(answer.added) }, { table.unpack(answer.removed) },
        { table.unpack(answer.changed) } })
  end

  it("tells what is live now", function()
    local answer, status = reload(server)
    assert.equal(200, status)
    assert.is_true(answer.ok)
    assert.is_false(answer.check)
    assert.equal(2, answer.generation)
    assert.equal(3, answer.files)
    assert.equal(3, answer.handlers)
    assert.is_number(answer.ms)
    expect_changes(answer, {}, {}, {})
  end)

  it("tells which handlers were added, removed and changed", function()
    server:write("one.lua", "return { one = function() return 11 end }")
    expect_changes(reload(server), {}, {}, { "one" })
    assert.equal(11, alice:request "one")
    server:write("new.lua", "return { a = print, z = print }")
    server:remove "one.lua"
    expect_changes(reload(server), { "a", "z" }, { "one" }, {})
    -- Who uses a module is not known: all may have changed.
    server:write("lib/value.lua", "return 3")
    expect_changes(reload(server), {}, {}, { "a", "more", "two", "z" })
    expect_changes(reload(server), {}, {}, {})
  end)

  it("compares with what is live, not with what failed", function()
    server:write("one.lua", "return { one = function() return 11 end }")
    server:write("two.lua", "return {")
    assert.is_false(reload(server).ok)
    server:write("two.lua", "return { two = function() end }")
    expect_changes(reload(server), {}, { "more" }, { "one", "two" })
  end)

  it("names file, line and message of what is wrong", function()
    for what, case in pairs {
      ["return {\n  x = function( end }"] = { 2, "expected" },
      ["\n\nerror 'no luck'"] = { 3, "^no luck$" },
      ["return 5"] = { nil, "table" },
      ["return { join = print }"] = { nil, "reserved" },
      ["error 'caf\xe9'"] = { 1, "^caf\u{FFFD}$" },
      ["\nrequire 'lib.none'"] = { 2, "lib.none" },
    } do
      server:write("bad.lua", what)
      local answer, status = reload(server)
      assert.equal(422, status)
      assert.is_false(answer.ok)
      assert.equal(1, answer.generation)
      assert.equal(server.scripts .. "/bad.lua", answer.file)
      assert.equal(case[1], answer.line)
      assert.matches(case[2], answer.message)
      assert.equal(1, alice:request "one")
    end
    server:write("bad.lua", "require 'lib.bad'")
    server:write("lib/bad.lua", "\nx = = 1")
    local answer = reload(server)
    assert.equal(server.scripts .. "/lib/bad.lua", answer.file)
    assert.equal(2, answer.line)
    server:remove "bad.lua"
    server:remove "lib/bad.lua"
    assert.is_true(reload(server).ok)
  end)

  it("tells that a client's state cannot be taken over", function()
    server:write("state.lua", [[return {
      good = function(client) client.state.value = 5 end,
      bad = function(client) client.state.oops = print end,
    }]])
    reload(server)
    alice:request "bad"
    local answer, status = reload(server)
    assert.equal(422, status)
    assert.matches("oops", answer.message, 1, true)
    assert.equal(2, answer.generation)
    assert.is_nil(answer.file)
    assert.equal(1, alice:request "one")
    alice:close()
    t.wait_until(function() return reload(server).ok end)
  end)

  it("answers when @stop has had its time, and then serves the next", function()
    server:write("stop.lua", [[
      local perigee, done = require "perigee", false
      return {
        finish = function() done = true end,
        ["@stop"] = function() while not done do perigee.sleep(0.005) end end,
      }
    ]])
    reload(server)
    server:remove "stop.lua"
    local first, second = begin(server, "POST /reload"),
      begin(server, "POST /reload")
    assert.equal(200, (get(server, "/healthz"))) -- so they have arrived
    assert.equal(2, metric(server, 'perigee_generation{worker="1"}'))
    alice:request "finish"
    local generations = { first().generation, second().generation }
    table.sort(generations)
    assert.same({ 3, 4 }, generations)
  end)

  it("only builds with check=1", function()
    server:write("new.lua", "return { new = function() end }")
    local before = #server:log()
    for _, check in ipairs { "?check=1", "?check=true" } do
      local answer, status = reload(server, check)
      assert.equal(200, status)
      assert.is_true(answer.ok and answer.check)
      assert.equal(1, answer.generation)
      expect_changes(answer, { "new" }, {}, {})
    end
    local _, code = alice:try "new"
    assert.equal("UNKNOWN_TYPE", code)
    server:write("bad.lua", "return {")
    local answer, status = reload(server, "?check=1")
    assert.equal(422, status)
    assert.equal(server.scripts .. "/bad.lua", answer.file)
    assert.is_nil(server:log():find("reload", before + 1, true))
    server:remove "bad.lua"
    assert.equal(2, reload(server, "?check=0").generation)
  end)
end)
