-- SPDX-License-Identifier: MIT
-- Clients that join, leave and come back while a room is being talked in as fast
-- as it can be. Each must hear exactly what comes after its position, from
-- there on, in order.
local follow = require "spec.support.follow"
local servers = require "spec.support.servers"

local SPEAKERS, TIMES, ROUNDS = 4, 1500, 12

local start = servers {
  options = { ["limits.per_ip"] = 0, ["limits.per_user"] = 0,
    ["limits.messages_per_s"] = 0, ["limits.bytes_per_s"] = 0,
    ["limits.queue_bytes"] = 64 << 20, ["heartbeat.interval_s"] = 3600 },
  scripts = {
    ["main.lua"] = [[
      local perigee = require "perigee"
      return {
        ["@rooms"] = {
          ["all"] = { history = { messages = 1000000, bytes = 64 << 20 } },
          ["some"] = { history = { messages = 40 } },
        },
        talk = function(_, data)
          for n = 1, data.times do
            perigee.send_to_room(data.room, { type = "said", data = n })
            if n % 25 == 0 then perigee.sleep(0.002) end
          end
        end,
        last = function(_, room)
          local _, seq = perigee.send_to_room(room, { type = "end" })
          return seq
        end,
        where = function() return perigee.worker end,
      }
    ]],
  },
}

describe("While everybody talks, who joins", function()
  local server, speakers
  lazy_setup(function() server = start() end)
  lazy_teardown(function() server:stop() end)

  before_each(function()
    speakers = {}
    for n = 1, SPEAKERS do
      speakers[n] = server:connect { user = "speaker" .. n }
    end
  end)

  local function talk(room)
    for n, speaker in ipairs(speakers) do
      speaker:send("talk", { room = room, times = TIMES }, "talk" .. n)
    end
  end

  -- Waits until all is said; returns the number of the last message.
  local function hush(room)
    for n, speaker in ipairs(speakers) do
      local text
      repeat text = speaker:receive() until text:find("talk" .. n, 1, true)
    end
    return speakers[1]:request("last", room)
  end

  -- The newest position of any member so far.
  local function join_some(room, since_of)
    local members, known = {}, nil
    for n = 1, ROUNDS do
      local client = server:connect { user = "late" .. n }
      local since = known and since_of(n, known)
      local member = follow.join(client, room, since)
      members[n] = member
      if since and since.seq then
        if member.reply.recovered then
          follow.are(since.seq + 1, member.reply.seq, member.before)
        end
      elseif since then
        follow.are(member.reply.seq - #member.before + 1, member.reply.seq,
          member.before)
      else
        assert.same({}, member.before)
      end
      known = known or member:position()
    end
    return members
  end

  local function finish(members, room)
    local last = hush(room)
    for _, member in ipairs(members) do
      member:read(last)
      member.client:close()
    end
  end

  it("hears everything from its position on", function()
    talk "all"
    local recovered = 0
    local members = join_some("all", function(n, known)
      if n % 3 == 0 then return { last = n * 10 } end
      return n % 3 == 1 and known or nil
    end)
    for _, member in ipairs(members) do
      assert.is_not_false(member.reply.recovered)
      recovered = recovered + (member.reply.recovered and 1 or 0)
    end
    assert.is_true(recovered > ROUNDS / 2)
    finish(members, "all")
  end)

  it("is told when it comes too late, and hears everything from there on",
    function()
      talk "some"
      finish(join_some("some", function(n, known)
        if n % 3 == 0 then return { last = 30 } end
        return n % 3 == 1 and known or nil
      end), "some")
    end)

  it("may leave and come back for what it has missed", function()
    talk "all"
    local members = {}
    for n = 1, 3 do
      members[n] = follow.join(server:connect { user = "back" .. n }, "all")
    end
    for _ = 1, 10 do
      for n, member in ipairs(members) do
        member:leave()
        local back = follow.join(member.client, "all", member:position())
        assert.is_true(back.reply.recovered)
        follow.are(member.seq + 1, back.reply.seq, back.before)
        members[n] = back
      end
    end
    finish(members, "all")
  end)
end)
