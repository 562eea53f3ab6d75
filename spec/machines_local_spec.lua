-- SPDX-License-Identifier: MIT
-- Several machines: rooms that go on without Redis, for those who are here.

local admin = require "spec.support.admin"
local machines_on = require "spec.support.machines"
local redis_server = require "spec.support.redis"
local t = require "perigee.testing"

local script = [[
local perigee = require "perigee"
return {
  ["@rooms"] = {
    ["game:*"] = { history = { messages = 50, seconds = 600, when_down = "local" } },
    ["chat:*"] = { history = { messages = 50, seconds = 600 } },
  },
  say = function(_, data)
    local count, seq, text = perigee.send_to_room(data.room,
      { type = "said", data = data.text }, { id = data.id, confirm = data.confirm })
    if not count then return nil, seq, text end
    return { count = count, seq = seq }
  end,
}
]]

-- The machine `a` reaches Redis as a user of its own, who can be locked out.
describe("a room with when_down = local", function()
  local redis, a, b

  setup(function()
    redis = redis_server()
    redis:command "ACL SETUSER cut on '>secret' '~*' '&*' +@all"
    local start = machines_on(redis, { scripts = { ["main.lua"] = script },
      options = { ["redis.probe_s"] = 0.2 } })
    a = start { ["redis.url"] = redis.url:gsub("unix://", "unix://cut:secret@") }
    b = start()
  end)

  teardown(function()
    a:stop()
    b:stop()
    redis:stop()
  end)

  after_each(function() redis:command "ACL SETUSER cut on" end)

  local function cut_off()
    local probe = a:connect { user = "probe" }
    redis:command "ACL SETUSER cut off"
    redis:command "CLIENT KILL USER cut"
    t.wait_until(function()
      local _, code = probe:try("say", { room = "chat:probe", text = "x" })
      return code == "UNAVAILABLE"
    end)
    probe:close()
  end

  local function come_back()
    redis:command "ACL SETUSER cut on"
  end

  local function join(client, room, since)
    local answer
    t.wait_until(function()
      answer = client:try("join", { room = room, since = since })
      return answer
    end)
    return answer
  end

  local function pair(room)
    local ann, bob = a:connect { user = "ann" }, b:connect { user = "bob" }
    local joined = join(ann, room)
    join(bob, room)
    ann:request("say", { room = room, text = "before" })
    assert.equal(1, ann:expect("said").seq)
    assert.equal(1, bob:expect("said").seq)
    return ann, bob, joined
  end

  it("sends to those here, and tells all members afterwards", function()
    local ann, bob, joined = pair "game:1"
    local old = { epoch = joined.epoch, seq = 1 }
    cut_off()
    assert.same({ count = 1 }, ann:request("say", { room = "game:1", text = "here" }))
    local said = ann:expect "said"
    assert.same({ "here" }, { said.data, said.seq })
    bob:request("say", { room = "game:1", text = "there" })
    assert.equal(2, bob:expect("said").seq)
    come_back()
    assert.equal("there", ann:expect("said", nil, 30).data) -- what it had missed comes first
    local one, other = ann:expect("resync", nil, 30), bob:expect("resync", nil, 30)
    assert.equal(one.data.epoch, other.data.epoch)
    assert.not_equal(joined.epoch, one.data.epoch)
    assert.is_false(join(b:connect { user = "cid" }, "game:1", old).recovered)
    ann:request("say", { room = "game:1", text = "after" })
    assert.equal(1, ann:expect("said").seq)
    assert.equal("after", bob:expect("said").data)
    t.wait_until(function()
      return admin.metric(a, "perigee_cluster_local_total") == 1
    end)
  end)

  it("tells nobody if nothing was sent", function()
    local ann, bob, joined = pair "game:2"
    cut_off()
    come_back()
    local answer = join(a:connect { user = "cid" }, "game:2",
      { epoch = joined.epoch, seq = 0 })
    assert.is_true(answer.recovered)
    bob:request("say", { room = "game:2", text = "x" })
    assert.equal(2, ann:expect("said", nil, 30).seq)
    ann:expect_nothing "resync"
    bob:expect_nothing "resync"
  end)

  it("refuses what may be repeated, and what nobody here would hear", function()
    local ann, bob = pair "game:3"
    cut_off()
    for _, data in ipairs {
      { room = "game:3", id = "x", text = "x" }, { room = "game:3", confirm = true, text = "x" },
      { room = "game:other", text = "x" }, { room = "chat:3", text = "x" },
    } do
      local _, code = ann:try("say", data)
      assert.equal("UNAVAILABLE", code)
    end
    come_back()
    bob:request("say", { room = "game:3", text = "y" })
    assert.equal(2, ann:expect("said", nil, 30).seq)
    bob:expect_nothing "resync"
  end)

  it("tells those who have left and come back elsewhere", function()
    local ann, bob, joined = pair "game:4"
    cut_off()
    ann:request("say", { room = "game:4", text = "here" })
    ann:expect "said"
    bob:close()
    come_back()
    ann:expect("resync", nil, 30)
    local answer = join(b:connect { user = "bob" }, "game:4", { epoch = joined.epoch, seq = 1 })
    assert.is_false(answer.recovered)
  end)
end)
