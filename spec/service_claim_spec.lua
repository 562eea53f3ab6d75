-- SPDX-License-Identifier: MIT
-- auth.service_claim: a backend that wants a socket is not limited like a
-- stranger.
local sessions = require "spec.support.sessions"
local t = require "perigee.testing"

describe("auth.service_claim", function()
  local server

  lazy_setup(function()
    server = t.server {
      options = { ["auth.service_claim"] = "svc", ["limits.messages_per_s"] = 5,
        ["limits.burst"] = 5 },
      scripts = { ["main.lua"] = [[
        local perigee = require "perigee"
        return {
          push = function(_, data)
            return perigee.send_to_user(data.to, { type = "news", data = data.n })
          end,
          rated = { rate = "1/m", handler = function() return "done" end },
        }
      ]] },
    }
  end)

  lazy_teardown(function() server:stop() end)

  it("lets a service send 500 messages at once", function()
    local alice = server:connect "alice"
    local backend = server:connect("backend", { svc = true })
    assert.equal(0, backend.info.limits.messages_per_s)
    assert.equal(0, backend.info.limits.bytes_per_s)
    for i = 1, 500 do
      backend:send("push", { to = "alice", n = i }, i)
    end
    for i = 1, 500 do
      assert.equal(i, alice:expect("news").data)
      assert.equal(i, backend:expect("reply").id)
    end
    for _ = 1, 5 do
      assert.equal("done", backend:request "rated")
    end
  end)

  it("is true, and nothing like it", function()
    for _, value in ipairs { false, 1, "true", { true } } do
      local stranger = server:connect("stranger", { svc = value })
      assert.equal(5, stranger.info.limits.messages_per_s)
      stranger:close()
    end
    local stranger = server:connect "mallory"
    for i = 1, 20 do
      stranger:send("push", { to = "nobody", n = i }, i)
    end
    stranger:expect("error", { code = "RATE_LIMITED" })
  end)

  it("ends with the token that has it", function()
    local backend = server:connect("backend", { svc = true })
    assert(backend:auth(server:token { sub = "backend" }))
    for i = 1, 20 do
      backend:send("push", { to = "nobody", n = i }, 1000 + i)
    end
    backend:expect("error", { code = "RATE_LIMITED" })
  end)

  it("is that of the token which goes on with a session", function()
    local backend = sessions.open(server, "backend",
      { token = server:token { sub = "backend", svc = true } })
    backend:cut()
    backend.token = server:token { sub = "backend" }
    assert.equal(5, backend:resume().limits.messages_per_s)
    for i = 1, 20 do
      backend:send("push", { to = "nobody", n = i }, i)
    end
    backend:expect("error", { code = "RATE_LIMITED" })
    backend:cut()
    backend.token = server:token { sub = "backend", svc = true }
    assert.equal(0, backend:ask().limits.messages_per_s)
    for i = 1, 50 do
      backend:send("push", { to = "nobody", n = i }, 100 + i)
    end
    repeat
      local reply = backend:expect "reply"
      assert.equal(0, reply.data)
    until reply.id == 150
  end)

  it("goes along to the worker that has the session", function()
    local many = t.server { scripts = { ["main.lua"] = "return {}" },
      options = { ["auth.service_claim"] = "svc", workers = 4,
        ["log.level"] = "debug" } }
    local backend = sessions.open(many, "backend")
    local service = false
    for _ = 1, 30 do -- most of them come to another worker
      service = not service
      backend:cut()
      backend.token = many:token { sub = "backend", svc = service }
      assert.equal(service and 0 or 50, backend:resume().limits.messages_per_s)
    end
    assert.matches("goes to worker", many:log(), 1, true)
    many:stop()
  end)

  it("means nothing without the option", function()
    local other = t.server { scripts = { ["main.lua"] = "return {}" } }
    assert.is_true(other:connect("x", { svc = true }).info.limits.messages_per_s > 0)
    other:stop()
  end)
end)
