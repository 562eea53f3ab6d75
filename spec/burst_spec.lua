-- SPDX-License-Identifier: MIT
-- Much that is sent at one go, to those who read it.

local t = require "perigee.testing"
local certificate = require "spec.support.certificate"
local tls = require "spec.support.tls"

local script = [[
local perigee = require "perigee"
local text = ("x"):rep(5000)
local function pour(data)
  local send = {
    user = function(message, opts)
      return perigee.send_to_user(data.name, message, opts)
    end,
    room = function(message, opts)
      return perigee.send_to_room(data.name, message, opts)
    end,
    all = function(message, opts) return perigee.broadcast(message, opts) end,
  }
  local sent = 0
  for i = 1, data.times do
    sent = sent + send[data.to]({ type = "line",
      data = { i = i, text = text } }, { drop = data.drop })
  end
  return sent
end
return {
  where = function() return perigee.worker end,
  pour = function(_, data) return pour(data) end,
  later = function(_, data) perigee.after(0.01, function() pour(data) end) end,
  page = function() return ("x"):rep(60000) end,
}
]]

-- Some times limits.queue_bytes (64 KiB here), and less than limits.socket_bytes
-- and the queue together: so no socket is full.
local TIMES = 40

local function serve(options)
  options["limits.queue_bytes"] = "64KiB"
  return t.server { scripts = { ["main.lua"] = script }, options = options }
end

local function expect_lines(client)
  for i = 1, TIMES do
    assert.equal(i, client:expect("line").data.i)
  end
end

describe("A burst of several times limits.queue_bytes reaches", function()
  local server, reader
  before_each(function()
    server = serve { workers = 1 }
    reader = server:connect { user = "reader" }
  end)
  after_each(function() server:stop() end)

  for _, to in ipairs { "user", "room", "all" } do
    it("who reads, sent to " .. to, function()
      reader:request("join", { room = "reader" })
      reader:request("pour", { to = to, name = "reader", times = TIMES })
      expect_lines(reader)
    end)
  end

  it("who reads, sent by a timer", function()
    reader:send("later", { to = "user", name = "reader", times = TIMES })
    expect_lines(reader)
  end)

  it("who reads, though it might be dropped", function()
    reader:request("pour",
      { to = "user", name = "reader", times = TIMES, drop = true })
    expect_lines(reader)
  end)

  it("who asked for it in one packet", function()
    for i = 1, 5 do
      reader:send("page", nil, i)
    end
    for i = 1, 5 do
      local reply = reader:expect "reply"
      assert.same({ i, 60000 }, { reply.id, #reply.data })
    end
  end)
end)

it("A burst from another worker reaches who reads", function()
  local server = serve { workers = 2 }
  local sender = server:connect { user = "sender" }
  local reader
  repeat
    reader = server:connect { user = "reader" }
    local near = reader:request "where" == sender:request "where"
    if near then reader:close() end
  until not near
  sender:request("pour", { to = "user", name = "reader", times = TIMES })
  expect_lines(reader)
end)

it("A burst over TLS reaches who reads", function()
  local dir = io.popen("mktemp -d"):read "l"
  local cert, key = certificate(dir)
  local server = t.server {
    no_wait = true,
    scripts = { ["main.lua"] = script },
    options = { ["limits.queue_bytes"] = "64KiB", ["tls.cert"] = cert,
      ["tls.key"] = key },
  }
  finally(function() os.execute("rm -rf '" .. dir .. "'") end)
  server.port = server:wait_log "ready on https://127%.0%.0%.1:(%d+)"
  local reader = tls.connect(server, cert, "reader")
  reader:request("pour", { to = "user", name = "reader", times = TIMES })
  expect_lines(reader)
end)
