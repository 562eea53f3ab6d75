-- SPDX-License-Identifier: MIT
-- What may follow from an event is not seen before the event is in the outbox:
-- somebody holds the outbox, and nothing comes; lets it go, and all does.
local api = require "spec.support.api"
local backend = require "spec.support.backend"
local cli = require "spec.support.cli"
local cqueues = require "cqueues"
local t = require "perigee.testing"

local SCRIPT = [[
  local perigee = require "perigee"
  local function emit(client)
    return perigee.emit("order.made", { n = 1 }, { user = client.user_id })
  end
  return {
    emit = function(client) return { id = emit(client) } end,
    tell = function(client)
      emit(client)
      perigee.send_to_user("bob", { type = "told" })
    end,
    ask = function(client, url)
      emit(client)
      return perigee.fetch(url .. "/told").status
    end,
    kick = function(client)
      emit(client)
      client:close(4500, "go")
    end,
    ["@http make"] = function() return perigee.emit("made") end,
    ["@http GET /make"] = function() return { body = perigee.emit("made") } end,
  }
]]

-- Takes the outbox for itself, and lets it go when it is told to.
local HOLDER = [[
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
db.execute("ROLLBACK")
]]

describe("While the outbox is held", function()
  local server, folder, heard, holder

  local function hold()
    local fifo = folder .. "/fifo"
    os.execute(("rm -f %s && mkfifo %s"):format(fifo, fifo))
    local reader = assert(io.popen(("python3 %s/hold.py %s/events.db < %s"):format(folder,
      folder, fifo)))
    holder = assert(io.open(fifo, "w"))
    assert.equal("held", reader:read "l")
    return function()
      holder:close()
      reader:close()
    end
  end

  before_each(function()
    heard = backend.start()
    folder = cli.folder { ["hold.py"] = HOLDER }
    server = t.server { scripts = { ["main.lua"] = SCRIPT },
      options = heard:options(folder .. "/events.db", api.options()) }
  end)

  after_each(function()
    server:stop()
    heard:stop()
    cli.cleanup()
  end)

  -- `fn` is given what holds the outbox; that returns what lets it go.
  local function held(fn)
    if not os.execute "python3 -c 'import sqlite3' 2>/dev/null" then
      pending "python3 is not here"
      return
    end
    fn(hold)
  end

  it("a reply, and what is sent to others, waits", function()
    held(function(hold_it)
      local alice, bob = server:connect "alice", server:connect "bob"
      local let_go = hold_it()
      alice:send("emit", nil, 1)
      bob:send("tell", nil, 1)
      assert.is_nil(alice:receive(0.2))
      assert.is_nil(bob:receive(0.01))
      let_go()
      assert.equal(1, alice:expect("reply").id)
      bob:expect "told"
      bob:expect "reply"
      heard:wait("order.made", 2)
    end)
  end)

  it("a login waits", function()
    held(function(hold_it)
      local carol = server:connect { user = "carol", auth = false }
      local let_go = hold_it()
      carol:send("auth", { token = server:token { sub = "carol" } })
      assert.is_nil(carol:receive(0.2))
      assert.same({}, heard:seen "user.online")
      let_go()
      carol:expect "auth_ok"
      heard:wait "user.online"
    end)
  end)

  it("a close frame comes behind it", function()
    held(function(hold_it)
      local alice = server:connect "alice"
      local let_go = hold_it()
      alice:send "kick"
      assert.is_nil(alice:receive(0.2))
      let_go()
      alice:expect_close(4500)
    end)
  end)

  it("a request to another server waits", function()
    held(function(hold_it)
      local alice = server:connect "alice"
      local let_go = hold_it()
      alice:send("ask", heard.url:match "^(http://[^/]+)", 1)
      assert.is_nil(alice:receive(0.2))
      assert.equal("0", heard:get "/told/count")
      let_go()
      assert.equal(200, alice:expect("reply").data)
      assert.equal("1", heard:get "/told/count")
    end)
  end)

  it("answers to backends and browsers wait", function()
    held(function(hold_it)
      local answers, loop = {}, cqueues.new()
      local let_go = hold_it()
      local http = require "spec.support.http"
      loop:wrap(function()
        local peer = api.connect(server)
        peer:write(api.request("POST", "/api/v1/call/make", "{}"))
        answers.backend = peer:read()
      end)
      loop:wrap(function()
        answers.browser = http.get(server.port, "/make", "Connection: close")
      end)
      loop:step(0.1)
      for _ = 1, 10 do
        loop:step(0.02)
      end
      assert.same({}, answers)
      let_go()
      assert(loop:loop(t.timeout))
      assert.same({ backend = 200, browser = 200 }, answers)
      heard:wait("made", 2)
    end)
  end)
end)
