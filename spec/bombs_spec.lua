-- SPDX-License-Identifier: MIT
-- A few tables that hold each other many times over are a text without an end:
-- whatever writes it stops at its bound, and raises in the script that sent.
local t = require "perigee.testing"

local script = [[
  local perigee = require "perigee"

  -- 2^40 times the same text, or the same empty table.
  local function bomb(leaf)
    local value = leaf
    for _ = 1, 40 do
      value = { value, value }
    end
    return value
  end

  local bombs = {
    texts = bomb(("x"):rep(2000)),
    tables = bomb {},
    numbers = bomb(1.5),
    keys = bomb { [("k"):rep(2000)] = true },
    long = { ("x"):rep(70000) },
    escaped = { ("\0"):rep(20000) },
    list = table.pack(("x"):rep(70000):byte(1, -1)),
  }

  local ways = {
    send = function(client, value)
      client:send { type = "bomb", data = value }
    end,
    send_to_user = function(client, value)
      perigee.send_to_user(client.user_id, { type = "bomb", data = value })
    end,
    send_to_room = function(_, value)
      perigee.send_to_room("r", { type = "bomb", data = value })
    end,
    broadcast = function(_, value)
      perigee.broadcast { type = "bomb", data = value }
    end,
    encode = function(_, value) perigee.json.encode(value) end,
    sign = function(_, value) perigee.jwt.sign(value) end,
    fetch = function(_, value)
      perigee.fetch("http://127.0.0.1:1/", { method = "POST", json = value })
    end,
  }

  return {
    ways = function(client, data)
      local _, text = pcall(ways[data.way], client, bombs[data.bomb])
      return text
    end,
    answer = function(_, name) return bombs[name] end,
    refuse = function() return nil, "bombs.refused", ("x"):rep(70000) end,
    store = function(_, name)
      return select(2, pcall(perigee.store.set, "bomb", bombs[name]))
    end,
    keep = function(client, name) client.state.bomb = bombs[name] end,
    kept = function(client) return client.state.bomb ~= nil end,
    relay = function(client, data)
      client:send { type = "relayed", data = data }
    end,
    log = function()
      local fields = {}
      for i = 1, 50000 do
        fields["field" .. i] = i
      end
      perigee.log.info("many fields", fields)
      perigee.log.info(("x"):rep(1 << 24))
      print(("x"):rep(1 << 24), "second")
      return "logged"
    end,
    fine = function() return "fine" end,
  }
]]

local names = {
  "texts", "tables", "numbers", "keys", "long", "escaped", "list",
}

describe("A value that is a bomb", function()
  local server, alice

  lazy_setup(function()
    server = t.server {
      scripts = { ["bombs.lua"] = script },
      options = {
        ["limits.send_bytes"] = "64KiB", ["limits.message_bytes"] = "64KiB",
        ["script.burst_ms"] = 5000,
      },
    }
  end)

  lazy_teardown(function() server:stop() end)

  before_each(function() alice = server:connect "alice" end)

  for _, way in ipairs {
    "send", "send_to_user", "send_to_room", "broadcast", "encode", "sign",
    "fetch",
  } do
    it("raises in " .. way, function()
      for _, bomb in ipairs(names) do
        assert.matches("more than 65536 bytes of JSON cannot be sent",
          alice:request("ways", { way = way, bomb = bomb }), nil, true)
      end
      assert.same({}, alice.inbox)
    end)
  end

  it("is no reply, and no error", function()
    for _, bomb in ipairs(names) do
      local _, code = alice:try("answer", bomb)
      assert.equal("HANDLER_ERROR", code)
    end
    local _, code = alice:try "refuse"
    assert.equal("HANDLER_ERROR", code)
    server:wait_log "bombs.lua:%d+: what this function returned: data: more"
    server:wait_log "an error code or text has more than 65536 bytes"
  end)

  it("does not go into the store, nor into the next generation", function()
    assert.matches("more than %d+ bytes of data", alice:request("store",
      "texts"))
    alice:request("keep", "texts")
    assert.matches("client.state: more than %d+ bytes of data",
      server:reload_fails())
    assert.is_true(alice:request "kept")
    alice:request("keep", "none")
  end)

  it("is no message of limits.message_bytes, which can be relayed", function()
    local text = ("x"):rep(65000)
    alice:send("relay", text)
    assert.equal(text, alice:expect("relayed").data)
  end)

  it("is as much in the log as fits into a line", function()
    assert.equal("logged", alice:request "log")
    server:wait_log "many fields field"
    for line in server:log():gmatch "[^\n]*" do
      assert.is_true(#line <= 8192)
    end
  end)
end)

describe("limits.send_bytes", function()
  it("does not keep back what limits.message_bytes lets in", function()
    local server = t.server {
      scripts = { ["bombs.lua"] = script },
      options = {
        ["limits.send_bytes"] = "1KiB", ["limits.message_bytes"] = "16KiB",
      },
    }
    local alice = server:connect "alice"
    local text = ("x"):rep(16000)
    alice:send("relay", text)
    assert.equal(text, alice:expect("relayed").data)
  end)
end)
