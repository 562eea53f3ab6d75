-- SPDX-License-Identifier: MIT
-- Several machines: what a message does elsewhere is part of its trace.
local admin = require "spec.support.admin"
local api = require "spec.support.api"
local cli = require "spec.support.cli"
local collectors = require "spec.support.collector"
local machines_on = require "spec.support.machines"
local redis_server = require "spec.support.redis"
local t = require "perigee.testing"
local tracing = require "spec.support.tracing"

local SCRIPT = [[
  local perigee = require "perigee"
  return {
    tell = function(_, user)
      return perigee.send_to_user(user, { type = "told", data = 1 })
    end,
    say = function() perigee.send_to_room("lobby", { type = "said" }) end,
    all = function() perigee.broadcast { type = "all" } end,
  }
]]

describe("A trace on several machines", function()
  local redis, start, site, a, b, alice, bob

  setup(function()
    redis = redis_server()
    start = machines_on(redis, { scripts = { ["main.lua"] = SCRIPT } })
    site = collectors.start()
    local options = api.options { ["trace.otlp"] = site.url, ["trace.sample"] = 1 }
    a, b = start(options), start(options)
  end)

  before_each(function()
    alice, bob = a:connect "alice", b:connect "bob"
    bob:join "lobby"
  end)

  teardown(function()
    a:stop()
    b:stop()
    site:stop()
    redis:stop()
    cli.cleanup()
  end)

  for type, push in pairs { tell = "told", say = "said", all = "all" } do
    it("shows deliveries elsewhere, with the span of the message: " .. type, function()
      local here, there = tracing.open(a, "type=" .. type), tracing.open(b, "type=" .. type)
      alice:request(type, "bob")
      bob:expect(push)
      local span = here:next("message").span
      local delivery = there:next "delivery"
      assert.same({ span, "bob", push }, { delivery.span, delivery.user, delivery.type })
      here:close()
      there:close()
    end)
  end

  it("that nobody follows there does not show there", function()
    local here, there = tracing.open(a, "type=tell"), tracing.open(b, "type=said")
    alice:request("tell", "bob")
    bob:expect "told"
    here:next "done"
    alice:request "say"
    assert.equal("said", there:next("delivery").type)
    here:close()
    there:close()
  end)

  it("is one for a collector", function()
    alice:request("tell", "bob")
    local message = site:wait "tell"
    local delivery = site:wait("delivery told", { traceId = message.traceId })
    assert.equal(message.spanId, delivery.parentSpanId)
    assert.equal("bob", delivery.with["user.id"])
  end)

  -- The file of its output, and what ends it.
  local function follow(option)
    local dir = cli.folder()
    local pipe = io.popen(("cd %s && { %s trace type:tell %s --admin=%s,%s --api.keys=ops:%s"
      .. " >out 2>err & echo $!; }"):format(dir, cli.binary(), option, a.admin, b.admin, api.KEY))
    local pid = pipe:read "l"
    pipe:close()
    for _, server in ipairs { a, b } do
      t.wait_until(function() return admin.metric(server, "perigee_traces") == 1 end)
    end
    return dir .. "/out", function()
      os.execute("kill " .. pid)
      for _, server in ipairs { a, b } do
        t.wait_until(function() return admin.metric(server, "perigee_traces") == 0 end)
      end
    end
  end

  it("is followed by one command", function()
    local file, stop = follow "--json"
    alice:request("tell", "bob")
    local function line_of(event, server)
      return t.wait_until(function()
        for text in io.lines(file) do
          local line = t.decode(text)
          if line.event == event and line.admin == server.admin then return line end
        end
      end)
    end
    assert.equal(line_of("message", a).span, line_of("delivery", b).span)
    stop()
  end)

  it("has nothing of a machine where nothing happens", function()
    local file, stop = follow ""
    local own = tracing.open(b, "type=none")
    own.peer.conn:settimeout(60)
    own:next "alive" -- the other one has had it, too
    own:close()
    alice:request("tell", "nobody")
    local lines = t.wait_until(function()
      local found = {}
      for line in io.lines(file) do found[#found + 1] = line end
      return table.concat(found, "\n"):find " done " and found
    end)
    for _, line in ipairs(lines) do
      assert.not_matches("^%S+  127%.0%.0%.1", line)
    end
    stop()
  end)
end)
