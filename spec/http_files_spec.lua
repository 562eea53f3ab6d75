-- SPDX-License-Identifier: MIT
-- Static files, and the paths beside them that are none.
local api = require "spec.support.api"
local cli = require "spec.support.cli"
local http = require "spec.support.http"
local t = require "perigee.testing"

describe("Static files", function()
  local server

  lazy_setup(function()
    server = t.server { options = api.options { public = cli.folder {
      ["index.html"] = "<p>", ["a.xyz"] = "\0\1", ["plain"] = "text", ["a.wasm"] = "",
    } } }
  end)

  lazy_teardown(function()
    server:stop()
    cli.cleanup()
  end)

  it("have the type of their name, and bytes are bytes", function()
    for path, kind in pairs { ["/"] = "text/html", ["/a.xyz"] = "application/octet-stream",
      ["/plain"] = "application/octet-stream", ["/a.wasm"] = "application/wasm" } do
      local status, _, head = http.get(server.port, path)
      assert.equal(200, status)
      assert.matches("content-type: " .. kind, head:lower(), 1, true)
    end
    assert.equal("\0\1", (select(2, http.get(server.port, "/a.xyz"))))
    assert.equal(404, (http.get(server.port, "/b.xyz")))
  end)

  it("are none under the path of the API, which is elsewhere", function()
    for _, path in ipairs { "/api/v1", "/api/v1/send", "/api/v1/users/alice?x=1" } do
      for _, method in ipairs { "GET", "POST" } do
        local status, body = http.exchange(server.port, {
          method .. " " .. path .. " HTTP/1.1", "Host: localhost" })
        assert.equal(404, status)
        assert.matches("`admin.listen`", body, 1, true)
      end
    end
    local status, body = http.get(server.port, "/api/v10")
    assert.equal(404, status)
    assert.is_nil(body:find("admin.listen", 1, true))
  end)
end)
