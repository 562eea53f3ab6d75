-- SPDX-License-Identifier: MIT
-- The client that was there before: a few JSON messages, no ids, nothing of
-- what this server added. It must go on working unchanged.
local t = require "perigee.testing"

local function start(interval_s)
  return t.server {
    scripts = {
      ["chat.lua"] = [[
        local perigee = require "perigee"
        return {
          message = function(client, data)
            perigee.send_to_room(data.room, { type = "message",
              data = { from = client.user_id, text = data.text } })
          end,
        }
      ]],
    },
    options = { ["heartbeat.interval_s"] = interval_s },
  }
end

describe("A client of the classic convention", function()
  local server

  lazy_setup(function() server = start(3600) end) -- no pings in between

  lazy_teardown(function() server:stop() end)

  local function hello(user, where)
    where = where or server
    local client = where:connect { auth = false }
    client.user = user
    client:send_text(('{"type":"auth","data":{"token":"%s"}}')
      :format(where:token { id = user }))
    assert.equal(user, client:expect("auth_ok").data.user)
    return client
  end

  it("chats", function()
    local alice, bob = hello "alice", hello "bob"
    for _, client in ipairs { alice, bob } do
      client:send_text '{"type":"join","data":{"room":"r1"}}'
      client:expect_nothing()
    end
    alice:send_text
      '{"type":"message","data":{"room":"r1","text":"hello"}}'
    for _, client in ipairs { alice, bob } do
      assert.same({ from = "alice", text = "hello" },
        client:expect("message").data)
    end
    bob:send_text '{"type":"leave","data":{"room":"r1"}}'
    bob:expect_nothing()
    alice:send_text
      '{"type":"message","data":{"room":"r1","text":"still there?"}}'
    assert.equal("still there?", alice:expect("message").data.text)
    bob:expect_nothing()
  end)

  it("reads type and data of a push in their old places", function()
    local alice = hello "alice"
    alice:send_text '{"type":"join","data":{"room":"r2"}}'
    alice:expect_nothing()
    alice:send_text '{"type":"message","data":{"room":"r2","text":"x"}}'
    local message = t.decode(alice:receive())
    assert.equal("message", message.type)
    assert.same({ from = "alice", text = "x" }, message.data)
  end)

  it("answers the pings of the server", function()
    local pinging = start(0.3)
    local alice = hello("alice", pinging)
    for _ = 1, 3 do
      assert.equal('{"type":"ping"}', alice:receive())
      alice:send_text '{"type":"pong"}'
    end
    alice:expect_nothing()
  end)

  it("may ping the server", function()
    local alice = hello "alice"
    alice:send_text '{"type":"ping"}'
    assert.equal('{"type":"pong"}', alice:receive())
  end)

  it("is told that its token is no good, then closed", function()
    local mallory = server:connect { auth = false }
    mallory:send_text '{"type":"auth","data":{"token":"nonsense"}}'
    local answer = t.decode(mallory:receive())
    assert.equal("auth_error", answer.type)
    assert.equal("INVALID_TOKEN", answer.data.code)
    assert.is_string(answer.data.message)
    mallory:expect_close(4501)
  end)

  it("hears nothing about what the server does not know", function()
    local alice = hello "alice"
    alice:send_text '{"type":"nonsense"}'
    alice:send_text '{"type":"join"}'
    alice:send_text '{"type":"message"}'
    alice:expect_nothing()
  end)
end)
