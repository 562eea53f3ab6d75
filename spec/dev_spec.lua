-- SPDX-License-Identifier: MIT
-- Development mode: who gets a token, and when it ends.
local cli = require "spec.support.cli"
local http = require "spec.support.http"
local t = require "perigee.testing"
local wrapped = require "spec.support.wrapped"

local function start(options)
  return t.server { mode = "dev", options = options }
end

local function ask(server, host)
  local status, body = http.exchange(server.port, {
    "GET /dev/token?user=root HTTP/1.1", "Host: " .. host,
  })
  return status, body
end

describe("perigee dev on a loopback address", function()
  for _, address in ipairs { "127.0.0.1:0", "localhost:0", "127.8.9.1:0" } do
    it("gives tokens without a word: " .. address, function()
      local server = t.server { mode = "dev", no_wait = true,
        options = { listen = address } }
      local host, port = server:wait_log "ready on http://(.-):(%d+)"
      local status = http.exchange(port, {
        "GET /dev/token?user=alice HTTP/1.1", "Host: localhost",
      }, host)
      assert.equal(200, status)
      assert.not_matches("/dev/token", server:log(), 1, true)
    end)
  end
end)

describe("perigee dev that is open to the network", function()
  for _, address in ipairs { "0.0.0.0:0", ":0", "[::]:0" } do
    it("gives no token, and says why: " .. address, function()
      local server = start { listen = address }
      server:wait_log "warn +/dev/token is closed"
      for _, host in ipairs { "192.168.1.5:8080", "localhost", "127.0.0.1" } do
        local status, body = ask(server, host)
        assert.equal(403, status)
        assert.matches("--dev.tokens=anyone", body, 1, true)
      end
    end)
  end

  it("gives anybody one if it was told to, and warns", function()
    local server = start { listen = "0.0.0.0:0", ["dev.tokens"] = "anyone" }
    server:wait_log "warn +anybody who reaches 0%.0%.0%.0:0 gets a token"
    local status, body = ask(server, "192.168.1.5:8080")
    assert.equal(200, status)
    assert.equal("root",
      server:connect({ token = t.decode(body).token }).info.user)
  end)
end)

describe("SIGHUP", function()
  after_each(cli.cleanup)

  -- script(1) runs it in a terminal, and that is gone with script.
  it("ends perigee dev whose terminal is closed", function()
    local server = wrapped.server([[
      exec 3>&2
      line=
      for word; do line="$line '$word'"; done
      exec script -qec "exec ']] .. cli.binary() .. [[' $line 2>&3 3>&-" /dev/null]],
      { mode = "dev" })
    finally(function() server:stop(false) end)
    server:signal "KILL"
    server:wait_log "info +ended"
  end)

  it("reloads perigee dev that has none", function()
    local server = start()
    server:wait_log "reloaded when you save" -- all that it says at first
    assert.matches("gen=2 is live", server:reload())
  end)

  it("does not end it under nohup", function()
    local server = wrapped.server('trap "" HUP', { mode = "dev" })
    server:signal "HUP"
    assert.equal(200, (http.get(server.port, "/healthz")))
    assert.is_true(server:is_running())
  end)

  it("reloads perigee serve", function()
    local server = t.server()
    assert.matches("gen=2 is live", server:reload())
  end)
end)

describe("Files of an editor that writes a byte order mark", function()
  local MARK = "\xef\xbb\xbf"

  it("are scripts like any other", function()
    local server = t.server { scripts = {
      ["a.lua"] = MARK .. "local answer = require 'lib.answer'\n"
        .. "return { answer = function() return answer end }",
      ["lib/answer.lua"] = MARK .. "return 42",
      ["b.lua"] = "#!/usr/bin/env lua\n"
        .. "return { line = function() error 'here' end }",
    } }
    local alice = server:connect "alice"
    assert.equal(42, alice:request "answer")
    assert.equal("HANDLER_ERROR", (alice:fails "line"))
    server:wait_log "b.lua:2: here"
  end)
end)

describe("A message without an id that is refused", function()
  local scripts = { ["main.lua"] = [[
    return {
      refuse = function() return nil, "x.no", "Not now", { wait = 5 } end,
      raise = function() error "broken" end,
      checked = { schema = { n = "integer" }, handler = function() end },
      ["@join"] = function(client, room)
        if room == "closed" then return nil, "room.closed", "No" end
      end,
      enter = function(client, room) return client:join(room) == true end,
    }
  ]] }

  -- What is sent, and what is told about it: code, text, data.
  local cases = {
    { '{"type":"refuse"}', "x.no", "Not now", { wait = 5 } },
    { '{"type":"raise"}', "HANDLER_ERROR", "the handler failed" },
    { '{"type":"checked","data":{"n":"x"}}', "BAD_REQUEST",
      "data.n: expected integer" },
    { '{"type":"no.such"}', "UNKNOWN_TYPE",
      "no handler for message type 'no.such'" },
    { '{"type":"join","data":{"room":"closed"}}', "room.closed", "No" },
    { '{"type":"join","data":{"room":"~x"}}', "FORBIDDEN", "a room whose" },
    { '{"type":5}', "BAD_REQUEST", "type: " },
    { "{nonsense}", "BAD_JSON", "the message is not valid JSON" },
  }

  it("is told in development mode, and logged", function()
    local server = t.server { mode = "dev", scripts = scripts }
    local alice = server:connect "alice"
    for _, case in ipairs(cases) do
      local from = #server:log() + 1
      alice:send_text(case[1])
      local told = alice:expect "error"
      assert.is_nil(told.id)
      assert.equal(case[2], told.data.code)
      assert.matches(case[3], told.data.message, 1, true)
      assert.same(case[4], told.data.data)
      server:wait_log("info  conn=%d+ user=alice refused handler=%S+ code="
        .. case[2] .. " ", from)
    end
    alice:request("enter", "closed") -- nobody has sent a join
    alice:expect_nothing()
  end)

  it("is dropped without a word in production", function()
    local server = t.server { scripts = scripts }
    local alice = server:connect "alice"
    for _, case in ipairs(cases) do alice:send_text(case[1]) end
    alice:expect_nothing()
    assert.is_nil(server:log():find("refused", 1, true))
  end)

  it("before auth is told in development mode, too", function()
    local server = t.server { mode = "dev", scripts = scripts }
    local alice = server:connect { auth = false }
    alice:send "refuse"
    assert.equal("UNAUTHENTICATED", alice:expect("error").data.code)
    local token = server:token { sub = "alice" }
    local _, code = alice:auth(token .. "x")
    assert.equal("INVALID_TOKEN", code)
  end)
end)
