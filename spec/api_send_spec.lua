-- SPDX-License-Identifier: MIT
-- POST /api/v1/send: what backends say, and who hears it.
local api = require "spec.support.api"
local t = require "perigee.testing"

describe("POST /api/v1/send", function()
  local server, alice, tablet, bob

  lazy_setup(function()
    server = t.server { options = api.options(), scripts = { ["main.lua"] = [[
      return { echo = function(_, data) return data end }
    ]] } }
  end)

  lazy_teardown(function() server:stop() end)

  before_each(function()
    alice = server:connect "alice"
    tablet = server:connect "alice"
    bob = server:connect "bob"
    alice:request("join", { room = "lobby" })
    bob:request("join", { room = "lobby" })
  end)

  local function send(args)
    args.message = args.message or { type = "news", data = { n = 1 } }
    local status, answer = api.call(server, "send", args)
    assert(status == 200, t.encode(answer))
    return answer.receivers
  end

  it("reaches all devices of a user", function()
    assert.equal(2, send { user = "alice" })
    assert.same({ n = 1 }, alice:expect("news").data)
    assert.same({ n = 1 }, tablet:expect("news").data)
    assert.equal(0, send { user = "nobody" })
  end)

  it("reaches a list of users", function()
    assert.equal(3, send { users = { "alice", "nobody", "bob" } })
    for _, client in ipairs { alice, tablet, bob } do
      assert.same({ n = 1 }, client:expect("news").data)
    end
  end)

  it("reaches the members of rooms, and names the room", function()
    assert.equal(2, send { room = "lobby" })
    for _, client in ipairs { alice, bob } do
      local message = client:expect "news"
      assert.same({ n = 1 }, message.data)
      assert.equal("lobby", message.room)
    end
    tablet:request("join", { room = "other" })
    assert.equal(3, send { rooms = { "lobby", "other", "none" } })
    assert.equal("other", tablet:expect("news").room)
  end)

  it("reaches everybody", function()
    assert.equal(3, send { all = true })
    for _, client in ipairs { alice, tablet, bob } do
      assert.same({ n = 1 }, client:expect("news").data)
    end
  end)

  it("leaves a user out", function()
    assert.equal(1, send { room = "lobby", except_user = "alice" })
    assert.equal(2, send { all = true, except_user = "bob" })
    assert.equal(2, send { user = "alice", except_user = "bob" })
    assert.equal(0, send { user = "alice", except_user = "alice" })
    assert.equal(3, send { all = true, message = { type = "end" } })
    local heard = {}
    for name, client in pairs { alice = alice, tablet = tablet, bob = bob } do
      client:expect "end"
      heard[name] = #client.inbox
    end
    assert.same({ alice = 2, tablet = 2, bob = 1 }, heard)
  end)

  it("sends the data byte for byte, or none", function()
    send { user = "bob", message = { type = "plain" } }
    assert.is_nil(bob:expect("plain").data)
    local big = ('{"user":"bob","message":{"type":"exact","data":'
      .. '[9007199254740993,1.50,"\\u00fc",{}, []]}}')
    local status = api.ask(server, "POST", "/api/v1/send", big)
    assert.equal(200, status)
    assert.same({ 9007199254740993, 1.5, "ü", {}, {} }, bob:expect("exact").data)
  end)

  it("takes names with escapes", function()
    local eve = server:connect 'e"v\\e'
    assert.equal(1, send { user = 'e"v\\e' })
    assert.equal(1, send { users = { 'e"v\\e' } })
    eve:expect "news"
    eve:expect "news"
  end)

  it("keeps the order of one connection, in a pipeline", function()
    local peer, requests = api.connect(server), {}
    for i = 1, 200 do
      requests[i] = api.request("POST", "/api/v1/send",
        t.encode { user = "bob", message = { type = "n", data = i } })
    end
    assert(peer:write(table.concat(requests)))
    for i = 1, 200 do
      local status, answer = peer:read()
      assert.equal(200, status)
      assert.equal(1, answer.receivers)
      assert.equal(i, bob:expect("n").data)
    end
    peer:close()
  end)

  it("is refused what no connection could take", function()
    local small = t.server { options = api.options { ["limits.queue_bytes"] = 2048 } }
    local status, problem = api.call(small, "send",
      { all = true, message = { type = "x", data = ("x"):rep(3000) } })
    assert.equal(413, status)
    assert.equal("TOO_LARGE", problem.code)
    small:stop()
  end)
end)
