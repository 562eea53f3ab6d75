-- SPDX-License-Identifier: MIT
-- An HTTP server in a process of its own, for those that fetch.
local socket_http = require "spec.support.http"

local web = {}
web.__index = web

-- With the files of a certificate and its key: HTTPS. What it has is said in
-- web_server.lua. If the tests die, the kernel stops it.
function web.start(cert, key)
  local process = assert(io.popen(("echo $$; exec setpriv --pdeathsig TERM "
    .. "lua5.4 spec/support/web_server.lua %s %s"):format(cert or "",
    key or "")))
  local self = setmetatable({ process = process }, web)
  self.pid, self.port = process:read("n", "n")
  assert(self.port, "the HTTP server did not start")
  self.url = cert and ("https://localhost:%d"):format(self.port)
    or ("http://127.0.0.1:%d"):format(self.port)
  return self
end

-- The status and body of a page, asked for from here.
function web:get(path)
  return socket_http.get(self.port, path, "Connection: close")
end

-- Sends a body to a page; returns the same.
function web:post(path, body)
  return socket_http.exchange(self.port, {
    ("POST %s HTTP/1.1"):format(path), "Host: localhost", "Connection: close",
    "Content-Length: " .. #body, "", body,
  })
end

function web:stop()
  os.execute(("kill %d"):format(self.pid))
  self.process:close()
end

return web
