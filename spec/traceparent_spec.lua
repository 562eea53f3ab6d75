-- SPDX-License-Identifier: MIT
-- A message that belongs to a trace of somebody else, and what goes on in it.
local api = require "spec.support.api"
local backends = require "spec.support.backend"
local cli = require "spec.support.cli"
local t = require "perigee.testing"
local tracing = require "spec.support.tracing"
local web = require "spec.support.web"

local SCRIPT = [[
  local perigee = require "perigee"
  local function seen(url, headers)
    local answer = assert(perigee.fetch(url .. "/echo", { headers = headers }))
    return perigee.json.decode(answer.body).headers
  end
  return {
    fetch = function(_, data) return seen(data.url, data.headers) end,
    late = function(_, data) perigee.sleep(0.01) return seen(data.url) end,
    ["@http GET /seen"] = function(request)
      return seen(request.query.url)
    end,
    emit = function() return perigee.emit("order.made", { item = 7 }) end,
  }
]]

local TRACE, SPAN = ("4bf92f3577b34da6"):rep(2), "00f067aa0ba902b7"
local PARENT = ("00-%s-%s-01"):format(TRACE, SPAN)

describe("traceparent", function()
  local site, backend, server, alice

  setup(function()
    site = web.start()
    backend = backends.start()
    server = t.server { scripts = { ["main.lua"] = SCRIPT },
      options = api.options(backend:options(cli.folder() .. "/events.db",
        { workers = tonumber(os.getenv "PERIGEE_WORKERS") })) }
  end)

  before_each(function() alice = server:connect "alice" end)

  teardown(function()
    server:stop()
    backend:stop()
    site:stop()
    cli.cleanup()
  end)

  -- The answer to a message with that member.
  local function ask(type, data, parent)
    alice:send_text(t.encode { type = type, data = data, id = 1, traceparent = parent })
    return alice:expect("reply").data
  end

  it("goes on to what perigee.fetch asks", function()
    for _, type in ipairs { "fetch", "late" } do
      local header = ask(type, { url = site.url }, PARENT).traceparent
      local trace, span, flags = header:match "^00%-(%x+)%-(%x+)%-(%x+)$"
      assert.same({ TRACE, 16, "01" }, { trace, #span, flags })
      assert.not_equal(SPAN, span)
    end
  end)

  it("stands beside headers of the script, which go first", function()
    local headers = ask("fetch", { url = site.url, headers = { ["X-Mine"] = "1" } }, PARENT)
    assert.equal("1", headers["x-mine"])
    assert.matches(TRACE, headers.traceparent)
    local own = PARENT:gsub("01$", "00")
    headers = ask("fetch", { url = site.url, headers = { Traceparent = own } }, PARENT)
    assert.equal(own, headers.traceparent)
  end)

  it("is of that message only", function()
    ask("fetch", { url = site.url }, PARENT)
    assert.is_nil(ask("fetch", { url = site.url }).traceparent)
  end)

  it("counts as not there if it is none", function()
    for _, parent in ipairs { "", "x", PARENT:upper(), PARENT .. "-x", "ff" .. PARENT:sub(3),
      PARENT:sub(1, -2), PARENT:gsub("%-", "_"), "00-" .. ("0"):rep(32) .. "-" .. SPAN .. "-01",
      "00-" .. TRACE .. "-" .. ("0"):rep(16) .. "-01", 7, { "a" }, false } do
      assert.is_nil(ask("fetch", { url = site.url }, parent).traceparent, tostring(parent))
    end
    local later = "cc" .. PARENT:sub(3) .. "-what-will-be-new"
    assert.matches("^00%-" .. TRACE, ask("fetch", { url = site.url }, later).traceparent)
  end)

  describe("of a handshake", function()
    local OTHER = ("11"):rep(16)
    local HANDSHAKE = PARENT:gsub(TRACE, OTHER)

    local function come(parent)
      alice = server:connect { user = "alice", session = true,
        headers = { traceparent = parent } }
    end

    it("is that of messages which bring none", function()
      come(HANDSHAKE)
      for _ = 1, 2 do
        assert.matches("^00%-" .. OTHER .. "%-%x+%-01$",
          ask("fetch", { url = site.url }).traceparent)
      end
      assert.matches(TRACE, ask("fetch", { url = site.url }, PARENT).traceparent)
      assert.matches(OTHER, ask("fetch", { url = site.url }, "none").traceparent)
    end)

    it("counts as not there if it is none", function()
      come(HANDSHAKE:upper())
      assert.is_nil(ask("fetch", { url = site.url }).traceparent)
    end)

    it("is that of the last one, for a session that goes on", function()
      come(HANDSHAKE)
      alice.target.headers.traceparent = PARENT
      assert.is_true(alice:resume().session.resumed)
      assert.matches(TRACE, ask("fetch", { url = site.url }).traceparent)
      alice.target.headers.traceparent = nil
      assert.is_true(alice:resume().session.resumed)
      assert.is_nil(ask("fetch", { url = site.url }).traceparent)
    end)
  end)

  it("of a request of plain HTTP goes on, too", function()
    local answer = server:http { path = "/seen", query = { url = site.url },
      headers = { traceparent = PARENT } }
    assert.matches("^00%-" .. TRACE, answer.data.traceparent)
    answer = server:http { path = "/seen", query = { url = site.url } }
    assert.is_nil(answer.data.traceparent)
  end)

  it("is in the events that its handler emits", function()
    ask("emit", nil, PARENT)
    ask("emit")
    local events = {}
    t.wait_until(function()
      events = backend:seen "order.made"
      return #events == 2
    end)
    assert.matches("^00%-" .. TRACE .. "%-%x+%-01$", events[1].traceparent)
    assert.is_nil(events[2].traceparent)
  end)

  it("names the trace in what perigee trace tells, with the same span", function()
    local trace = tracing.open(server, "user=alice")
    local header = ask("fetch", { url = site.url }, PARENT).traceparent
    local message = trace:next "message"
    assert.equal(TRACE, message.trace_id)
    assert.equal(message.span, header:match "^00%-%x+%-(%x+)")
    assert.equal(TRACE, trace:next("done").trace_id)
    trace:close()
  end)
end)
