-- SPDX-License-Identifier: MIT
-- The test kit sees events, and the backend of the configuration does not.
local cli = require "spec.support.cli"
local t = require "perigee.testing"

local SCRIPT = [[
  local perigee = require "perigee"
  return { emit = function(client, type)
    return { id = perigee.emit(type, { n = 1 }, { user = client.user_id }) }
  end }
]]

local SPEC = [[
  local t = require "perigee.testing"
  describe("events", function()
    for _ = 1, 2 do
      it("are those of the example", function()
        local alice = t.connect "alice"
        local id = alice:request("emit", "order.made").id
        assert.equal(1, #t.events "order.made")
        assert.equal(id, t.events("order.*")[1].id)
        assert.equal("alice", t.events("order.made")[1].user)
        assert.same({ n = 1 }, t.events("order.made")[1].data)
        assert.equal("user.online", t.events()[1].type)
        assert.same({}, t.events "order.paid")
      end)
    end
  end)
]]

describe("The test kit", function()
  after_each(cli.cleanup)

  it("has the events of an example, and tells nobody", function()
    local project = cli.folder { ["scripts/main.lua"] = SCRIPT, ["spec/events_spec.lua"] = SPEC,
      ["perigee.cfg.lua"] = "events.url = 'http://127.0.0.1:1/'\n"
        .. "events.secret = '" .. ("s"):rep(32) .. "'" }
    local status, out, problem = cli.run({ "test", "--", "--output=TAP" }, { dir = project })
    assert.equal(0, status, out .. problem)
    assert.is_nil(io.open(project .. "/perigee-events.db"))
  end)

  it("has those of a server of one's own, if it is asked for", function()
    local server = t.server { scripts = { ["main.lua"] = SCRIPT }, events = true }
    server:connect("alice"):request("emit", "order.made")
    assert.equal(1, #server:events "order.made")
    server = t.server { scripts = { ["main.lua"] = SCRIPT } }
    assert.has_error(function() server:events() end,
      "this server has no events: t.server { events = true }")
  end)
end)
