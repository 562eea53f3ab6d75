-- SPDX-License-Identifier: MIT
-- The HTTP API answers while scripts compute, and with many clients.
local api = require "spec.support.api"
local fifo = require "spec.support.fifo"
local t = require "perigee.testing"

describe("While a handler holds the worker", function()
  local server, alice, bob

  lazy_setup(function()
    server = t.server { options = api.options { workers = 1 },
      scripts = { ["main.lua"] = fifo.script } }
    alice = server:connect "alice"
    bob = server:connect "bob"
  end)

  lazy_teardown(function() server:stop() end)

  it("each call and each wrong use is answered, and what was sent arrives", function()
    local let_go = fifo.block(server, bob)
    server:wait_log "handler=block" -- the watchdog has seen it
    local count = 0
    local function ask(expected, ...)
      assert.equal(expected, (api.ask(server, ...)))
    end
    for _ = 1, 50 do
      count = count + 1
      ask(200, "POST", "/api/v1/send", t.encode { user = "alice",
        message = { type = "n", data = count } })
      ask(400, "POST", "/api/v1/send", "{}")
      ask(405, "GET", "/api/v1/send")
      ask(200, "GET", "/api/v1/openapi.json")
    end
    -- The worker has answered nobody until now.
    assert.is_nil((bob:receive(0)))
    let_go()
    bob:sync()
    for i = 1, count do
      assert.equal(i, alice:expect("n").data)
    end
  end)
end)

describe("With 1,000 clients connected", function()
  it("each of them gets what is for it, and all get what is for all", function()
    local server = t.server { options = api.options { ["limits.per_ip"] = 0,
      ["limits.handshakes_per_ip"] = 0, ["heartbeat.timeout_s"] = 3600 } }
    local clients = {}
    for i = 1, 1000 do
      clients[i] = server:connect("user-" .. i)
    end
    local peer = api.connect(server)
    local function send(args)
      peer:write(api.request("POST", "/api/v1/send", t.encode(args)))
      local status, answer = peer:read()
      assert.equal(200, status)
      return answer.receivers
    end
    for i = 1, 1000 do
      assert.equal(1, send { user = "user-" .. i, message = { type = "own", data = i } })
    end
    assert.equal(1000, send { all = true, message = { type = "all" } })
    for i, client in ipairs(clients) do
      assert.equal(i, client:expect("own").data)
      client:expect "all"
      assert.equal(0, #client.inbox)
    end
    peer:close()
    server:stop()
  end)
end)

describe("A send with an id", function()
  it("that is answered OVERLOADED can be repeated", function()
    local server = t.server { options = api.options {
        workers = 1, ["limits.queues_mb"] = 1 },
      scripts = { ["main.lua"] = fifo.script } }
    local alice = server:connect "alice"
    alice:request("join", { room = "lobby" })
    local let_go = fifo.block(server, server:connect "bob")
    local function send(id, data)
      return api.call(server, "send", { room = "lobby", id = id,
        message = { type = "n", data = data } })
    end
    local filler, status, answer = ("x"):rep(30000), nil, nil
    for n = 1, 100 do -- of 1 MiB
      status, answer = send("fill-" .. n, filler)
      if status ~= 200 then break end
    end
    assert.equal(503, status)
    assert.equal("OVERLOADED", answer.code)
    assert.equal(503, (send("again", filler)))
    assert.equal(503, (send("again", filler)))
    let_go()
    alice:request("join", { room = "lobby" }) -- it was held until now
    status, answer = send("again", "at last")
    assert.equal(200, status)
    assert.equal(1, answer.receivers)
    status, answer = send("again", "twice")
    assert.equal(200, status)
    assert.equal(0, answer.receivers)
    send("end", "end")
    local texts = {}
    repeat
      local text = alice:expect("n").data
      if #text < 100 then texts[#texts + 1] = text end
    until text == "end"
    assert.same({ "at last", "end" }, texts)
    server:stop()
  end)
end)

describe("The admin address", function()
  it("bounds the sockets that the API hands to it, too", function()
    local server = t.server { options = api.options { workers = 2,
        ["script.burst_ms"] = 60000 },
      scripts = { ["main.lua"] = [[
        local perigee = require "perigee"
        local store = perigee.store
        return {
          where = function() return perigee.worker end,
          hold = function()
            store.set("held", true)
            while store.get "held" do end
          end,
          free = function() store.set("held", nil) end,
        }
      ]] } }
    local holder = server:connect "holder"
    local other
    repeat
      other = server:connect "other"
    until other:request "where" ~= holder:request "where"
    holder:send "hold"
    local peers, answered, refused = {}, 0, 0
    for i = 1, 450 do -- each waits for the worker that is held
      peers[i] = api.connect(server)
      peers[i]:write(api.request("GET", "/metrics"))
    end
    local function read(peer)
      local status = peer:read()
      if status == 200 then answered = answered + 1 end
      if status == 429 then refused = refused + 1 end
    end
    read(table.remove(peers))
    other:request "free"
    for _, peer in ipairs(peers) do read(peer) end
    assert.equal(450, answered + refused)
    assert.is_true(answered >= 256)
    assert.is_true(refused > 0)
    server:stop()
  end)
end)
