-- SPDX-License-Identifier: MIT
-- What a client that joins late hears of what was said before.
local follow = require "spec.support.follow"
local servers = require "spec.support.servers"
local t = require "perigee.testing"

local start = servers {
  options = { ["limits.per_ip"] = 0, ["limits.per_user"] = 0,
    ["limits.messages_per_s"] = 0, ["limits.bytes_per_s"] = 0 },
  scripts = {
    ["main.lua"] = [[
      local perigee = require "perigee"
      return {
        ["@rooms"] = {
          ["chat:*"] = { history = { messages = 100 } },
          ["short:*"] = { history = { messages = 3 } },
          ["value:*"] = { latest = true },
        },
        set = function(_, data)
          for n = 1, data.times do
            perigee.send_to_room(data.room, { type = "set", data = n },
              { key = "key-" .. n % data.keys })
          end
        end,
        forget = function(_, room) return perigee.forget(room) end,
        -- Returns the number of the last one.
        say = function(_, data)
          local seq
          for n = 1, data.times or 1 do
            local _, number = perigee.send_to_room(data.room,
              { type = "said", data = n })
            seq = number
          end
          return seq
        end,
        aside = function(_, room)
          return perigee.send_to_room(room, { type = "aside" },
            { keep = false })
        end,
        enter = function(client, room) return client:join(room) end,
        move = function(_, data)
          for _, client in ipairs(perigee.clients_of(data.user)) do
            client:join(data.room)
          end
        end,
        ["@join"] = function(_, room, data)
          if room:find "table" then return { seat = 2 } end
          if room:find "list" then return { 1, 2 } end
          if room == "plain" then return data end
        end,
      }
    ]],
  },
}

describe("A client that joins a room with a history", function()
  local server, speaker
  lazy_setup(function() server = start() end)
  lazy_teardown(function() server:stop() end)
  before_each(function() speaker = server:connect { user = "speaker" } end)

  local function say(room, times)
    return speaker:request("say", { room = room, times = times })
  end

  local function join(room, since)
    return follow.join(server:connect { user = "late" }, room, since)
  end

  it("is told where the room is, and hears what comes next", function()
    say("chat:now", 5)
    local member = join "chat:now"
    assert.same({}, member.before)
    assert.equal(5, member.reply.seq)
    assert.is_string(member.reply.epoch)
    assert.is_nil(member.reply.recovered)
    assert.equal(7, say("chat:now", 2))
    assert.equal(2, member:read(7))
  end)

  it("is at 0 in a room where nothing was said", function()
    local member = join "chat:empty"
    assert.equal(0, member.reply.seq)
    say "chat:empty"
    assert.equal(1, member:read(1))
  end)

  it("hears first what came since the position that it names", function()
    local epoch = join("chat:since").reply.epoch
    say("chat:since", 9)
    local member = join("chat:since", { epoch = epoch, seq = 4 })
    follow.are(5, 9, member.before)
    assert.same({ epoch = epoch, seq = 9, recovered = true }, member.reply)
    say "chat:since"
    member:read(10)
  end)

  it("has missed nothing if nothing was said", function()
    say("chat:same", 2)
    local position = join("chat:same"):position()
    local member = join("chat:same", position)
    assert.same({}, member.before)
    assert.is_true(member.reply.recovered)
    assert.equal(2, member.reply.seq)
  end)

  it("hears the newest messages if it wants so many", function()
    say("chat:last", 9)
    local member = join("chat:last", { last = 3 })
    follow.are(7, 9, member.before)
    assert.is_true(member.reply.recovered)
    follow.are(1, 9, join("chat:last", { last = 1000000 }).before)
    assert.same({}, join("chat:nobody", { last = 3 }).before)
  end)

  it("is told when what it has missed is not there any more", function()
    local epoch = join("short:1").reply.epoch
    say("short:1", 9)
    local member = join("short:1", { epoch = epoch, seq = 2 })
    assert.same({}, member.before)
    assert.same({ epoch = epoch, seq = 9, recovered = false }, member.reply)
    follow.are(7, 9, join("short:1", { epoch = epoch, seq = 6 }).before)
    say "short:1"
    member:read(10)
  end)

  it("is told when the epoch is another one, or the number is to come",
    function()
      say("chat:other", 2)
      local epoch = join("chat:other").reply.epoch
      for _, since in ipairs { { epoch = "another", seq = 1 },
        { epoch = ("x"):rep(100), seq = 1 }, { epoch = epoch, seq = 3 } } do
        local member = join("chat:other", since)
        assert.same({}, member.before)
        assert.is_false(member.reply.recovered)
        assert.equal(2, member.reply.seq)
      end
    end)

  it("gets the position beside what @join has returned", function()
    local reply = join("chat:table").reply
    assert.equal(2, reply.seat)
    assert.equal(0, reply.seq)
    assert.same({ 1, 2 }, join("chat:list").reply.data)
    reply = join("chat:table", { last = 1 }).reply
    assert.equal(2, reply.seat)
    assert.is_true(reply.recovered)
  end)

  it("may ask again, as a member", function()
    say("chat:again", 3)
    local member = join "chat:again"
    local again = follow.join(member.client, "chat:again",
      { epoch = member.reply.epoch, seq = 1 })
    follow.are(2, 3, again.before)
    assert.equal(3, follow.join(member.client, "chat:again").reply.seq)
    say "chat:again"
    again:read(4)
    member.client:expect_nothing()
  end)

  it("gets every answer when it asks several times at once", function()
    say("chat:many", 3)
    local late = server:connect { user = "late" }
    for id = 1, 3 do
      late:send("join", { room = "chat:many", since = { last = id } }, id)
    end
    late:send("leave", { room = "chat:many" }, 4)
    local answers = {}
    while #answers < 4 do
      local message = late:receive()
      local id = message:match '"id":(%d)'
      if id then answers[#answers + 1] = id end
    end
    table.sort(answers)
    assert.same({ "1", "2", "3", "4" }, answers)
    say "chat:many"
    late:expect_nothing()
  end)

  local function settle(room, times, keys)
    speaker:request("set", { room = room, times = times, keys = keys })
  end

  it("gets as many values as it wants, in pages", function()
    settle("value:many", 3000, 1500)
    follow.are(3000, 3000, join("value:many", { last = 1 }).before)
    for _, last in ipairs { 512, 513, 1400, 1500 } do
      local member = join("value:many", { last = last })
      assert.is_true(member.reply.recovered)
      follow.are(3001 - last, 3000, member.before)
    end
    follow.are(1501, 3000, join("value:many", { last = 1000000 }).before)
    local again = join("value:many")
    again = follow.join(again.client, "value:many", { last = 1200 })
    follow.are(1801, 3000, again.before)
  end)

  -- What one client sends at one go is handled before the history is read.
  local function join_and_send(client, room, last, kind, data)
    local joins = { room = room, since = { last = last } }
    client:send_text(t.encode { type = "join", id = 1, data = joins })
    client:send_text(t.encode { type = kind, id = 2, data = data })
  end

  local function numbers_up_to(client, seq)
    local seqs = {}
    repeat
      local message = t.decode((client:receive()))
      seqs[#seqs + 1] = message.seq
    until message.seq == seq
    return seqs
  end

  it("misses nothing that is said meanwhile, if it is a member already", function()
    settle("value:meanwhile", 3, 3)
    local client = join("value:meanwhile").client
    join_and_send(client, "value:meanwhile", 1, "set",
      { room = "value:meanwhile", times = 10, keys = 20 })
    follow.are(3, 13, numbers_up_to(client, 13))
  end)

  it("gets the newest ones of another epoch, if that begins just now", function()
    say("chat:anew", 50)
    local client = server:connect { user = "late" }
    client:send_text(t.encode { type = "join", id = 1,
      data = { room = "chat:anew", since = { last = 5 } } })
    client:send_text(t.encode { type = "forget", id = 2, data = "chat:anew" })
    client:send_text(t.encode { type = "say", id = 3,
      data = { room = "chat:anew", times = 3 } })
    local seqs = numbers_up_to(client, 3) -- or it has heard the old ones first
    follow.are(1, 3, { table.unpack(seqs, #seqs - 2) })
  end)

  it("hears what is not kept, without a number, in its order", function()
    local member = join("chat:aside", { last = 1 })
    assert.equal(1, speaker:request("aside", "chat:aside"))
    say "chat:aside"
    assert.is_nil(member.client:expect("aside").seq)
    assert.equal(1, member.client:expect("said").seq)
  end)

  it("is refused a `since` of another form, and is in no room then", function()
    local late = server:connect { user = "late" }
    for _, since in ipairs { 5, "x", true, t.array {}, {}, { seq = 1 },
      { epoch = "x" }, { epoch = 1, seq = 1 }, { epoch = "x", seq = -1 },
      { epoch = "x", seq = 1.5 }, { last = 0 }, { last = "1" } } do
      local code, text = late:fails("join", { room = "chat:bad",
        since = since })
      assert.equal("BAD_REQUEST", code)
      assert.matches("data.since", text, 1, true)
    end
    assert.equal(0, late:join("chat:bad", { since = t.null }).seq)
  end)

  it("may use `since` for its own ends where there is no history", function()
    local late = server:connect { user = "late" }
    assert.same({ room = "plain", since = "yesterday" },
      late:join("plain", { since = "yesterday" }))
  end)

  it("is told by `joined` where the room is, when a script has done it",
    function()
      say("chat:moved", 4)
      local late = server:connect { user = "late" }
      assert.is_true(late:request("enter", "chat:moved"))
      assert.equal(4, late:expect("joined").data.seq)
      local other = server:connect { user = "other" }
      for _, room in ipairs { "chat:moved", "chat:table" } do
        speaker:request("move", { user = "other", room = room })
        local joined = other:expect "joined"
        assert.equal(room, joined.room)
        assert.is_string(joined.data.epoch)
        assert.equal(room == "chat:table" and 2 or nil, joined.data.seat)
      end
      assert.equal(5, say "chat:moved")
      assert.equal(5, late:expect("said").seq)
      assert.equal(5, other:expect("said").seq)
    end)
end)
