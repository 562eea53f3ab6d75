-- SPDX-License-Identifier: MIT
-- perigee events, perigee check --events, and what is wrong with the options.
local backend = require "spec.support.backend"
local cli = require "spec.support.cli"
local t = require "perigee.testing"

local SCRIPT = [[
  local perigee = require "perigee"
  return { emit = function(client, data)
    return { id = perigee.emit(data, { a = 1 }, { user = client.user_id }) }
  end }
]]

local SECRET = ("s"):rep(32)

describe("perigee events", function()
  local heard, folder, server, alice

  before_each(function()
    heard = backend.start()
    folder = cli.folder()
    server = t.server { scripts = { ["main.lua"] = SCRIPT },
      options = heard:options(folder .. "/events.db", { ["events.types"] = "order.*,bad" }) }
    alice = server:connect "alice"
  end)

  after_each(function()
    server:stop()
    heard:stop()
    cli.cleanup()
  end)

  local function run(...)
    return cli.run { "events", "--events.file=" .. folder .. "/events.db", ... }
  end

  local function emit(type_)
    return alice:request("emit", type_).id
  end

  -- Two that wait, as the backend does not want them now.
  local function two_that_wait()
    heard:mode "status/503/600"
    local first, second = emit "order.made", emit "order.paid"
    server:wait_log "tried again"
    return first, second
  end

  it("lists what waits, and shows one", function()
    local first, second = two_that_wait()
    local status, out = run "list"
    assert.equal(0, status)
    assert.matches("^%x+-%d+  2%S+Z  order.made  alice  {\"a\":1}\n", out)
    assert.matches("\n" .. second, out, 1, true)
    assert.equal(1, (out:find(first, 1, true)))
    local _
    _, out = run("--type=order.p*", "--json")
    assert.equal(second, t.decode(out).id)
    _, out = run("list", "--user", "bob")
    assert.equal("", out)
    _, out = run("list", "--limit=1")
    assert.is_nil(out:find(second, 1, true))
    _, out = run("show", second)
    assert.matches("type    order.paid\nuser    alice\n", out, 1, true)
    assert.matches("state   waits", out, 1, true)
  end)

  it("drops what waits, also from the server's hands", function()
    local first, second = two_that_wait()
    local status, out = run("drop", first)
    assert.equal(0, status)
    assert.equal("1 dropped\n", out)
    heard:mode "ok"
    server:stop()
    server = t.server { options = heard:options(folder .. "/events.db") }
    assert.equal(second, heard:wait("order.paid")[1].id)
    assert.same({}, heard:seen "order.made")
  end)

  it("drops all of a type", function()
    two_that_wait()
    local _, out = run("drop", "--all", "--type=order.*")
    assert.equal("2 dropped\n", out)
    _, out = run "list"
    assert.equal("", out)
  end)

  it("replays dead letters while the server runs", function()
    heard:mode "not/bad/410"
    local id = emit "bad"
    t.wait_until(function()
      local _, out = run("list", "--dead", "--json")
      return out ~= "" and t.decode(out).event.id == id
    end)
    local _, out = run("list", "--dead")
    assert.matches("bad  alice  410  {\"a\":1}", out, 1, true)
    heard:mode "ok"
    local status, said = run("replay", id)
    assert.equal(0, status)
    assert.equal("1 wait again\n", said)
    assert.equal(id, heard:wait("bad")[1].id)
    _, out = run("list", "--dead")
    assert.equal("", out)
  end)

  it("says what is wrong with the words", function()
    local function refused(text, ...)
      local status, _, problem = run(...)
      assert.equal(2, status)
      assert.matches(text, problem, 1, true)
    end
    refused("none of list, show, replay, drop", "lst")
    refused("say which one", "show")
    refused("say which ones", "drop")
    refused("say which ones", "replay", "x", "--all")
    refused("with ids there is no --user", "drop", "x", "--user=alice")
    refused("`list` takes no id", "list", "x")
    refused("--limit: `many`", "list", "--limit=many")
    refused("looks everywhere", "show", "x", "--dead")
    local status, _, problem = run("show", "x-1")
    assert.equal(1, status)
    assert.matches("no event x-1 waits", problem, 1, true)
    status, _, problem = run("drop", "x-1")
    assert.equal(1, status)
    assert.matches("x-1: there is none with this id", problem, 1, true)
  end)

  it("says what is wrong with the file", function()
    local status, _, problem = cli.run { "events", "--events.file=/nowhere/events.db" }
    assert.equal(1, status)
    assert.matches("events.file: /nowhere/events.db: unable to open", problem, 1, true)
    local text = cli.folder { ["x.db"] = ("no database at all\n"):rep(100) }
    status, _, problem = cli.run { "events", "--events.file=" .. text .. "/x.db" }
    assert.equal(1, status)
    assert.matches("not a database", problem, 1, true)
  end)

  it("has a file of each server for itself", function()
    local ok, why = pcall(t.server, { options = heard:options(folder .. "/events.db") })
    assert.is_false(ok)
    assert.matches("another server sends from it", tostring(why), 1, true)
  end)
end)

describe("The options of events", function()
  local function check(options, ...)
    local words = { "check", "scripts", "--auth.secret=" .. SECRET, ... }
    for name, value in pairs(options) do
      words[#words + 1] = ("--events.%s=%s"):format(name, value)
    end
    local dir = cli.folder { ["scripts/none.lua"] = "return {}" }
    local status, _, problem = cli.run(words, { dir = dir })
    cli.cleanup()
    return status, problem
  end

  local function refused(text, options, ...)
    local status, problem = check(options, ...)
    assert.is_true(status > 0)
    assert.matches(text, problem, 1, true)
  end

  it("are checked before a start", function()
    refused("events.url: `ftp://x` is no https://", { url = "ftp://x", secret = SECRET })
    refused("no user, no password", { url = "http://a:b@x/", secret = SECRET })
    refused("events.secret: at least 32 bytes", { url = "http://x/" })
    refused("events.secret: at least 32 bytes", { url = "http://x/", secret = "short" })
    refused("events.types: `or*er`", { url = "-", types = "or*er" })
    refused("events.types: nothing is chosen", { url = "-", types = "" })
    refused("events.file: events need a file", { url = "-", file = "" })
    refused("events.batch", { url = "-", batch = "0" })
    assert.equal(0, (check { url = "-" }))
    assert.equal(0, (check { url = "http://127.0.0.1/", secret = SECRET }))
  end)

  it("are tried when that is asked for", function()
    local heard = backend.start()
    assert.equal(0, (check({ url = heard.url, secret = backend.secret }, "--events")))
    refused("it answers 401", { url = heard.url, secret = SECRET }, "--events")
    heard:mode "status/503"
    refused("it answers 503", { url = heard.url, secret = backend.secret }, "--events")
    heard:stop()
    refused("events.url: " .. heard.url, { url = heard.url, secret = SECRET }, "--events")
    refused("events.url is not set", {}, "--events")
  end)

  it("name a folder that is there", function()
    local ok, why = pcall(t.server, { options = { ["events.url"] = "-",
      ["events.file"] = "/nowhere/events.db" } })
    assert.is_false(ok)
    assert.matches("events.file: /nowhere/events.db", tostring(why), 1, true)
  end)
end)
