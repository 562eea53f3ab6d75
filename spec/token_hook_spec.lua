-- SPDX-License-Identifier: MIT
local t = require "perigee.testing"

describe("The hook @token", function()
  local server

  lazy_setup(function()
    server = t.server {
      scripts = {
        ["token.lua"] = [[
          return {
            ["@token"] = function(client, token)
              if token == "raise" then error "broken" end
              if token == "banned" then
                return nil, "key.banned", "Not before noon",
                  { ["until"] = 12, tags = { "spam" } }
              elseif token == "away" then
                return nil, "UNAVAILABLE", "Redis is not there"
              elseif token == "broken data" then
                return nil, "key.banned", "Not before noon", { print }
              end
              local user = token:match "^key%-(%w+)$"
              if not user then
                return nil, "key.unknown", "No such key"
              end
              return user, { role = "tester", ip = client.ip }
            end,
            who = function(client)
              return { user = client.user_id, role = client.claims.role }
            end,
          }
        ]],
      },
    }
  end)

  lazy_teardown(function() server:stop() end)

  it("replaces the check of the token", function()
    local alice = server:connect { token = "key-alice" }
    assert.equal("alice", alice.info.user)
    assert.same({ user = "alice", role = "tester" }, alice:request "who")
  end)

  it("can refuse a token, with its own code", function()
    local mallory = server:connect { auth = false }
    local _, code, text = mallory:auth(server:token { sub = "alice" })
    assert.equal("key.unknown", code)
    assert.equal("No such key", text)
    mallory:expect_close(4501)
  end)

  it("can say more about that, as data", function()
    local mallory = server:connect { auth = false }
    local ok, code, text, all = mallory:auth "banned"
    assert.is_nil(ok)
    assert.equal("key.banned", code)
    assert.equal("Not before noon", text)
    assert.same({ ["until"] = 12, tags = { "spam" } }, all.data)
    mallory:expect_close(4501)
  end)

  it("fails if that data is no JSON", function()
    local mallory = server:connect { auth = false }
    local ok, code, _, all = mallory:auth "broken data"
    assert.is_nil(ok)
    assert.equal("HANDLER_ERROR", code)
    assert.is_nil(all.data)
    server:wait_log "(handler=@token [^\n]*function cannot be sent as JSON)"
    mallory:expect_close(4005)
  end)

  it("can pass on that something is away, which is not for good", function()
    local mallory = server:connect { auth = false }
    local _, code, text, all = mallory:auth "away"
    assert.same({ "UNAVAILABLE", "Redis is not there", true }, { code, text, all.retry })
    mallory:expect_close(4005)
  end)

  it("refuses when it fails, but not for good", function()
    local mallory = server:connect { auth = false }
    local ok, code, _, all = mallory:auth "raise"
    assert.is_nil(ok)
    assert.equal("HANDLER_ERROR", code)
    assert.is_true(all.retry)
    mallory:expect_close(4005)
  end)
end)

describe("The claims of @token", function()
  it("say when the login ends", function()
    local server = t.server { scripts = { ["main.lua"] = [[
      return {
        ["@token"] = function(_, token)
          return "alice", { exp = os.time() + tonumber(token) }
        end,
      }
    ]] } }
    local alice = server:connect { user = "alice", token = "3000" }
    assert.is_true(alice.info.ttl > 2900 and alice.info.ttl <= 3000)
  end)
end)

describe("The hooks @start and @stop", function()
  it("hand a table from one load to the next", function()
    local script = [[
      local perigee = require "perigee"
      local count
      return {
        ["@start"] = function(previous)
          count = previous and previous.count + 1 or 1
          perigee.log.info("start " .. count)
        end,
        ["@stop"] = function()
          perigee.log.info("stop " .. count)
          return { count = count }
        end,
        count = function() return count end,
      }
    ]]
    local server = t.server { scripts = { ["main.lua"] = script } }
    local alice = server:connect { user = "alice" }
    assert.equal(1, alice:request "count")
    server:reload()
    assert.equal(2, alice:request "count")
    server:reload()
    assert.equal(3, alice:request "count")
    assert.equal(0, server:stop())
    assert.matches("start 1.*stop 1.*start 2.*stop 2.*start 3.*stop 3",
      server.last_log)
  end)

  it("run in every script, also when one raises", function()
    local server = t.server { scripts = {
      ["a.lua"] = [[ return {
        ["@start"] = function() error "no start" end,
        ["@stop"] = function() error "no stop" end,
      } ]],
      ["b.lua"] = [[
        local kept
        return {
          ["@start"] = function(previous) kept = previous or "first" end,
          ["@stop"] = function() return "second" end,
          kept = function() return kept end,
        }
      ]],
    } }
    local alice = server:connect { user = "alice" }
    assert.equal("first", alice:request "kept")
    server:reload()
    assert.equal("second", alice:request "kept")
    server:wait_log "(handler=@start [^\n]*no start)"
    server:wait_log "reload gen=2 is live, but its @start failed: [^\n]*no start"
    server:wait_log "(handler=@stop [^\n]*no stop)"
  end)

  for what, value in pairs {
    ["a function"] = "{ list = { {}, { f = print } } }",
    ["text that is not UTF-8"] = "{ list = { {}, { f = '\\xff' } } }",
    ["a table in itself"] = "(function() local c = {} c.c = c return c end)()",
  } do
    it("lose only the value of the script that returned " .. what, function()
      local keeping = [[
        local perigee, kept = require "perigee", "nothing yet"
        return {
          ["@start"] = function(previous) kept = previous or "nothing" end,
          ["@stop"] = function() return %s end,
          ["kept.%s"] = function() return kept end,
        }
      ]]
      local server = t.server { scripts = {
        ["a.lua"] = keeping:format("{ n = 1 }", "a"),
        ["b.lua"] = keeping:format(value, "b"),
        ["c.lua"] = keeping:format("perigee.json.array {}", "c"),
      } }
      local alice = server:connect { user = "alice" }
      server:reload()
      assert.same({ n = 1 }, alice:request "kept.a")
      assert.equal("nothing", alice:request "kept.b")
      assert.same(t.array {}, alice:request "kept.c")
      local line = server:wait_log "(handler=@stop what [^\n]*)"
      assert.matches('what b.lua returned is lost: result["b.lua"]', line, 1,
        true)
      assert.matches("cannot be sent as JSON", line, 1, true)
    end)
  end
end)
