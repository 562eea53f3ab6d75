-- SPDX-License-Identifier: MIT
-- Sec-WebSocket-Protocol: what is answered to whom.
local cli = require "spec.support.cli"
local http = require "spec.support.http"
local t = require "perigee.testing"

local scripts = { ["main.lua"] = [[
  return { ["@raw"] = function() end }
]] }

-- The status of the answer, the subprotocol that it names, and its words.
local function ask(server, path, ...)
  local lines = { "GET " .. path .. " HTTP/1.1", "Host: localhost",
    http.upgrade() }
  for _, offer in ipairs { ... } do
    table.insert(lines, 3, "Sec-WebSocket-Protocol:" .. offer)
  end
  local status, body, head = http.exchange(server.port, lines)
  return status, head:match "\r\nSec%-WebSocket%-Protocol: ([^\r]*)\r\n", body
end

describe("A subprotocol", function()
  local none, some

  lazy_setup(function()
    none = t.server { scripts = scripts }
    some = t.server { scripts = scripts, options = {
      subprotocols = "chat.v2,chat.v1", ["raw.path"] = "/raw" } }
  end)
  lazy_teardown(function()
    none:stop()
    some:stop()
  end)

  it("is none in an empty field, and none is answered", function()
    for _, server in ipairs { none, some } do
      for _, empty in ipairs { "", " ", " ,", "\t, ," } do
        local status, name = ask(server, "/ws", empty)
        assert.equal(101, status)
        assert.is_nil(name)
      end
      assert.equal(101, (ask(server, "/ws")))
    end
  end)

  it("is the first of the client's that is in the list", function()
    for _, path in ipairs { "/ws", "/raw" } do
      for offer, answer in pairs {
        [" chat.v1"] = "chat.v1", ["chat.v2"] = "chat.v2",
        [" chat.v1, chat.v2"] = "chat.v1", [" mqtt,\tchat.v2 ,"] = "chat.v2",
      } do
        local status, name = ask(some, path, offer)
        assert.equal(101, status)
        assert.equal(answer, name)
      end
      local status, name = ask(some, path, " chat.v1", " mqtt, stomp")
      assert.equal(101, status)
      assert.equal("chat.v1", name)
    end
  end)

  it("that is not spoken is refused, and named", function()
    local status, name, words = ask(some, "/ws", " mqtt, CHAT.V1")
    assert.equal(400, status)
    assert.is_nil(name)
    assert.matches("`mqtt,CHAT.V1`", words, 1, true)
    assert.matches("`chat.v2,chat.v1`", words, 1, true)
    some:wait_log "upgrade refused status=400 [^\n]*`mqtt,CHAT.V1`"

    status, name, words = ask(none, "/ws", " chat.v1")
    assert.equal(400, status)
    assert.is_nil(name)
    assert.matches("`chat.v1`; leave it out", words, 1, true)
    assert.matches("`subprotocols`", words, 1, true)

    status, name, words = ask(some, "/ws", " " .. ("x"):rep(2000))
    assert.is_nil(name)
    assert.equal(400, status)
    assert.is_true(#words < 400)
  end)

  it("is logged once in a while, whatever its name", function()
    for i = 1, 3 do
      assert.equal(400, (ask(some, "/raw", " other" .. i)))
    end
    some:wait_log "no such subprotocol"
    local _, lines = some:log():gsub("no such subprotocol", "")
    assert.equal(1, lines)
  end)
end)

describe("A subprotocol that is no name", function()
  after_each(cli.cleanup)

  it("is refused in the configuration", function()
    for _, name in ipairs { "chat v1", "chat/1", ("x"):rep(65) } do
      local status, _, problem = cli.run { "serve", cli.folder(scripts),
        "--listen=127.0.0.1:0", "--subprotocols=chat.v1," .. name,
        "--auth.secret=an example secret of more than 32 bytes" }
      assert.is_true(status == 1 or status == 2)
      assert.matches("subprotocols: `" .. name .. "`", problem, 1, true)
    end
  end)
end)
