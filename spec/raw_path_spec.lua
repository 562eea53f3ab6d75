-- SPDX-License-Identifier: MIT
-- The path of raw connections, as HTTP sees it.
local cli = require "spec.support.cli"
local frames = require "spec.support.frames"
local http = require "spec.support.http"
local start = require "spec.support.words"

local text, TEXT = frames.text, frames.TEXT

describe("The path of raw connections", function()
  it("is not there without raw.path", function()
    local server = start { ["raw.path"] = false }
    local peer, status = frames.connect(server, "/raw")
    assert.is_nil(peer)
    assert.equal(404, status)
    assert.equal(404, (http.get(server.port, "/raw")))
  end)

  it("asks for an upgrade, also beside a folder of static files", function()
    local server = start { public = cli.folder { raw = "a file" } }
    finally(cli.cleanup)
    assert.equal(426, (http.get(server.port, "/raw")))
    local peer = frames.connect(server, "/raw")
    peer:send(text "echo x")
    peer:expect(TEXT, "x")
  end)

  it("is refused to pages from elsewhere", function()
    local server = start { origins = "https://own.example" }
    local _, status = frames.connect(server, "/raw",
      "Origin: https://other.example")
    assert.equal(403, status)
  end)

  it("answers 503 while no script has @raw", function()
    local server = start()
    local peer = frames.connect(server, "/raw")
    server:write("raw.lua", "return {}")
    assert.matches("live", server:reload())
    peer:send(text "echo x")
    assert.equal("unsupported_frame", peer:expect_close(4506))
    local _, status = frames.connect(server, "/raw")
    assert.equal(503, status)
  end)

  it("may have a script for each part: @raw runs in all of them", function()
    local server = start(nil, { ["second.lua"] = [[
      return { ["@raw"] = function(client) client:send_raw "second" end }
    ]] })
    local peer = frames.connect(server, "/raw")
    peer:send(text "echo first")
    peer:expect(TEXT, "first")
    peer:expect(TEXT, "second")
    peer:send(text "raise")
    peer:expect(TEXT, "second")
  end)

  it("must be one", function()
    local secret = "--auth.secret=" .. ("s"):rep(32)
    for path, why in pairs {
      ["/ws"] = "at `/ws` JSON is spoken", raw = "not a path like `/raw`",
      ["/raw/"] = "not a path", ["/a//b"] = "not a path",
      ["/../etc"] = "not a path", ["/raw?x"] = "not a path",
    } do
      local status, _, err = cli.run { "serve", cli.folder(), secret,
        "--listen=127.0.0.1:0", "--raw.path=" .. path }
      assert.not_equal(0, status)
      assert.matches("raw.path: ", err, 1, true)
      assert.matches(why, err, 1, true)
    end
    cli.cleanup()
  end)
end)
