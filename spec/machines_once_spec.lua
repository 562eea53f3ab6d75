-- SPDX-License-Identifier: MIT
-- Several machines: that a user has come or gone is said once, in turn, also
-- when answers of Redis are lost.
local comings = require "spec.support.comings"
local lossy = require "spec.support.lossy"
local machines_on = require "spec.support.machines"
local redis_server = require "spec.support.redis"
local t = require "perigee.testing"

describe("that a user comes and goes", function()
  local redis, start, way, a, b

  setup(function()
    redis = redis_server.start()
    start = machines_on(redis, { scripts = { ["main.lua"] = comings.script },
      options = { ["redis.probe_s"] = 0.2, ["redis.timeout_s"] = 1, ["node.lease_s"] = 1,
        ["presence.every_ms"] = 10 } })
  end)

  teardown(function()
    redis:stop()
  end)

  before_each(function()
    redis:command "FLUSHALL"
    way = lossy(redis, "way")
    a = start()
    b = start { ["redis.url"] = way.url }
  end)

  after_each(function()
    a:stop()
    b:stop()
    way:stop()
  end)

  -- How often the two have said it.
  local function said(text)
    return comings.count(a, text) + comings.count(b, text)
  end

  local function key_of(letter, user)
    return redis:command(("--raw KEYS 'pg:*:u%s:*%s*'"):format(letter, user)):match "%S+"
  end

  -- Nothing waits to be said or acknowledged.
  local function wait_even(user)
    t.wait_until(function() return not key_of("s", user) end)
  end

  -- Patterns for lua/redis/ledger_put.lua, whose last key is the claim, and
  -- ledger_ack.lua, whose first argument is what it says.
  local function put_of(user)
    return (":us:%s\r\n%%$16\r\n"):format(user)
  end

  local function ack_of(user)
    return (":uf:%d:%s:%%x+\r\n%%$%%d+\r\n[+-]"):format(#user, user)
  end

  it("is said once, if the answer about the first machine is lost", function()
    way:lose(put_of "ann")
    local ann = b:connect { user = "ann" }
    way:wait_lost()
    way:open()
    t.wait_until(function() return said "came ann" == 1 end)
    wait_even "ann"
    ann:close()
    t.wait_until(function() return said "went ann" == 1 end)
    wait_even "ann"
    assert.equal(1, said "came ann")
  end)

  it("is said once, if the answer about the last machine is lost", function()
    local ann = b:connect { user = "ann" }
    t.wait_until(function() return said "came ann" == 1 end)
    wait_even "ann"
    way:lose(put_of "ann")
    ann:close()
    way:wait_lost()
    way:open()
    t.wait_until(function() return said "went ann" == 1 end)
    wait_even "ann"
    local again = a:connect { user = "ann" }
    t.wait_until(function() return said "came ann" == 2 end)
    assert.equal(1, said "went ann")
    again:close()
  end)

  it("is said once, if the acknowledgement is lost", function()
    way:lose(ack_of "ann")
    local ann = b:connect { user = "ann" }
    t.wait_until(function() return said "came ann" == 1 end)
    way:wait_lost()
    way:open()
    ann:close()
    t.wait_until(function() return said "went ann" == 1 end)
    wait_even "ann"
    assert.equal(1, said "came ann")
  end)

  it("is right, if who was about to say it was taken for dead", function()
    way:lose(put_of "ann")
    local ann = b:connect { user = "ann" }
    way:wait_lost()
    t.wait_until(function() return not key_of("n", "ann") end)
    wait_even "ann"
    assert.equal(0, said "came ann" + said "went ann")
    way:open()
    t.wait_until(function() return said "came ann" == 1 end)
    wait_even "ann"
    ann:close()
    t.wait_until(function() return said "went ann" == 1 end)
    assert.equal(1, said "came ann")
  end)

  it("is said by another machine, if the one that was to say that he went is dead", function()
    local ann = b:connect { user = "ann" }
    t.wait_until(function() return said "came ann" == 1 end)
    wait_even "ann"
    way:lose(put_of "ann")
    ann:close()
    way:wait_lost()
    t.wait_until(function() return said "went ann" == 1 end)
    wait_even "ann"
    way:open()
    t.wait_until(function() return b:log():find "has no lease" end)
    local again = b:connect { user = "ann" }
    t.wait_until(function() return said "came ann" == 2 end)
    assert.equal(1, said "went ann")
    again:close()
  end)

  it("waits for what another machine is about to say", function()
    a:stop()
    b:stop()
    a, b = start { ["node.lease_s"] = 60 }, start { ["redis.url"] = way.url,
      ["node.lease_s"] = 60 }
    way:lose(put_of "ann")
    local ann = b:connect { user = "ann" }
    way:wait_lost() -- he has come there, which nobody has said
    assert.is_string(key_of("s", "ann"))
    local too = a:connect { user = "ann" }
    t.wait_until(function()
      return redis:command(("--raw SCARD '%s'"):format(key_of("n", "ann"))):match "%d+" == "2"
    end)
    way:open()
    t.wait_until(function() return said "came ann" == 1 end)
    wait_even "ann"
    ann:close()
    too:close()
    t.wait_until(function() return said "went ann" == 1 end)
    assert.equal(1, said "came ann")
  end)

  it("leaves no entry behind that comes after its machine was taken out", function()
    local ann = b:connect { user = "ann" }
    t.wait_until(function() return said "came ann" == 1 end)
    wait_even "ann"
    local entries = key_of("p", "ann")
    local life = entries:match "%x+$"
    way:cut()
    t.wait_until(function() return said "went ann" == 1 end)
    -- What the machine may have written then, as it comes from a slow connection.
    local function put(user)
      local tag = "pg:tag:u"
      local fence = user == "ann" and entries:gsub(":up:", ":uf:") or tag .. "f"
      local answer = redis:command(("--raw --eval lua/redis/ledger_put.lua "
        .. "%sp %sn %s %s %ss , %s %s '' '1 0' nowhere late 7 0 '' '' 60 300 %s u%s"):format(tag,
        tag, fence, fence, tag, life, life, "pg:names:" .. life, user))
      return answer:match "%-?%d+"
    end
    assert.equal("-1", put "ann")
    assert.equal("-1", put "bob") -- who came there later
    assert.equal("", redis:command "--raw KEYS 'pg:tag:*'":gsub("%s", ""))
    assert.is_nil(key_of("p", "ann"))
    assert.is_nil(key_of("n", "ann"))
    way:open()
    ann:close()
  end)
end)
