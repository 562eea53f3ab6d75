-- SPDX-License-Identifier: MIT
-- A backend that hears events, in a process of its own.
local json = require "perigee.testing_json"
local socket_http = require "spec.support.http"
local t = require "perigee.testing"

local backend = { secret = "a secret of the backend, of 32 bytes and more" }
backend.__index = backend

-- `opts`: port, seed, ledger; see backend_server.lua. If the tests die, the
-- kernel stops it.
function backend.start(opts)
  opts = opts or {}
  local process = assert(io.popen(("echo $$; exec setpriv --pdeathsig TERM "
    .. "lua5.4 spec/support/backend_server.lua '%s' %d '%s' %s"):format(
    backend.secret, opts.port or 0, opts.seed or "", opts.ledger or "")))
  local self = setmetatable({ process = process }, backend)
  self.pid, self.port = process:read("n", "n")
  assert(self.port, "the backend did not start")
  self.url = ("http://127.0.0.1:%d/events"):format(self.port)
  return self
end

-- The options of a server whose events it hears; `file` is the outbox.
function backend:options(file, more)
  local options = {
    ["events.url"] = self.url,
    ["events.secret"] = backend.secret,
    ["events.file"] = file,
  }
  for name, value in pairs(more or {}) do
    options[name] = value
  end
  return options
end

function backend:get(path)
  local _, body = socket_http.get(self.port, path, "Connection: close")
  return body
end

function backend:mode(name)
  self:get("/mode/" .. name)
end

function backend:batches()
  return json.decode(self:get "/batches")
end

-- What it has taken so far; of one type, if that is given.
function backend:seen(type_)
  local found = {}
  for _, batch in ipairs(json.decode(self:get "/seen")) do
    for _, event in ipairs(batch.events) do
      if not type_ or event.type == type_ then
        found[#found + 1] = event
      end
    end
  end
  return found
end

-- Waits until there are `count` of these, and returns them.
function backend:wait(type_, count)
  return t.wait_until(function()
    local found = self:seen(type_)
    return #found >= (count or 1) and found
  end)
end

function backend:stop(signal)
  os.execute(("kill -%s %d 2>/dev/null"):format(signal or "TERM", self.pid))
  self.process:close()
end

return backend
