-- SPDX-License-Identifier: MIT
-- perigee trace, as it is typed.
local admin = require "spec.support.admin"
local api = require "spec.support.api"
local cli = require "spec.support.cli"
local http = require "spec.support.http"
local t = require "perigee.testing"

local SCRIPT = [[
  local perigee = require "perigee"
  return {
    echo = function(_, data) return data end,
    say = function(_, data)
      return (perigee.send_to_room(data.room, { type = "said", data = data.text }))
    end,
    fail = function() error "it broke" end,
    refuse = function() return nil, "NOT_TODAY", "come tomorrow" end,
  }
]]

local KEYS = "--api.keys=ops:" .. api.KEY .. ",shop:send:" .. api.SENDER

describe("perigee trace", function()
  local server, alice

  setup(function()
    server = t.server { scripts = { ["main.lua"] = SCRIPT }, options = api.options() }
  end)

  teardown(function() server:stop() end)

  before_each(function() alice = server:connect "alice" end)

  after_each(cli.cleanup)

  -- Starts it, does something when it follows, ends it, and returns its output.
  local function follow(words, act, prefix)
    local dir = cli.folder()
    local command = ("cd %s && { %s%s trace %s --admin=%s %s >out 2>err & echo $!; }"):format(dir,
      prefix or "", cli.binary(), words, server.admin, KEYS)
    local pipe = io.popen(command)
    local pid = pipe:read "l"
    pipe:close()
    t.wait_until(function() return admin.metric(server, "perigee_traces") == 1 end)
    local last = act()
    local text
    t.wait_until(function()
      local file <close> = assert(io.open(dir .. "/out"))
      text = file:read "a"
      return text:find(last)
    end)
    os.execute("kill " .. pid)
    t.wait_until(function() return admin.metric(server, "perigee_traces") == 0 end)
    return text
  end

  it("prints what happens, aligned", function()
    local text = follow("user:alice", function()
      alice:join "lobby"
      alice:request("say", { room = "lobby", text = "hi" })
      return "delivery +%x+ +alice +said"
    end)
    assert.matches("^following user alice, until Ctrl%-C\n", text)
    assert.matches("\n%d%d:%d%d:%d%d%.%d%d%d  message    %x%x%x%x%x%x  alice +say +id=%d+ "
      .. '{"room":"lobby","text":"hi"}\n', text)
    assert.matches("sent +%x+ +%- +said +to room lobby, 1 receiver \"hi\"\n", text)
    assert.matches("done +%x+ +alice +say +ok in [%d.]+ [µms]+ %([%d.]+ [µms]+ in Lua, "
      .. "generation 1%) 1\n", text)
    assert.is_nil(text:find("\27", 1, true))
  end)

  it("prints errors with their tracebacks", function()
    local text = follow("type:fail", function()
      alice:send("fail", nil, 1)
      return "stack traceback"
    end)
    assert.matches("failed in .* HANDLER_ERROR ref=e%w+\n +%S*main.lua:7: it broke\n"
      .. " +stack traceback:\n", text)
  end)

  it("prints refusals", function()
    local text = follow("type:refuse", function()
      alice:send("refuse", nil, 1)
      return "tomorrow"
    end)
    assert.matches("refused in .* NOT_TODAY: come tomorrow\n", text)
  end)

  it("prints nothing that a terminal would obey", function()
    local text = follow("type:echo", function()
      alice:request("echo", "\27[31m red \u{9b}31m \7 end")
      return "end"
    end)
    assert.is_nil(text:find("[\27\7]"))
    assert.is_nil(text:find("\u{9b}", 1, true))
  end)

  it("prints the server's lines with --json", function()
    local text = follow("type:echo --json", function()
      alice:request("echo", 1)
      return '"delivery"'
    end)
    local events = {}
    for line in text:gmatch "[^\n]+" do
      events[#events + 1] = t.decode(line).event
    end
    assert.same({ "trace", "message", "done", "delivery" }, events)
  end)

  it("is in colours on a terminal, unless NO_COLOR", function()
    if not os.execute "command -v script >/dev/null" then
      pending "script(1) is not here"
      return
    end
    for _, set in ipairs { "", "NO_COLOR=1 " } do
      local dir = cli.folder()
      local command = ("%s trace type:echo --admin=%s %s"):format(cli.binary(), server.admin, KEYS)
      local pipe = io.popen(("cd %s && { %sscript -qfc '%s' out >/dev/null 2>&1 </dev/null "
        .. "& echo $!; }"):format(dir, set, command))
      local pid = pipe:read "l"
      pipe:close()
      t.wait_until(function() return admin.metric(server, "perigee_traces") == 1 end)
      alice:request("echo", 1)
      local text
      t.wait_until(function()
        local file <close> = io.open(dir .. "/out")
        text = file and file:read "a" or ""
        return text:find "delivery"
      end)
      os.execute("kill " .. pid)
      t.wait_until(function() return admin.metric(server, "perigee_traces") == 0 end)
      assert.equal(set == "", text:find("\27[36m", 1, true) ~= nil)
    end
  end)

  it("says what is wrong", function()
    local function fails(words, status, pattern)
      words[#words + 1] = "--admin=" .. server.admin
      local got, _, problem = cli.run(words)
      assert.matches(pattern, problem)
      assert.equal(status, got)
    end
    fails({ "trace", KEYS }, 2, "user:ID, room:NAME or type:TYPE")
    fails({ "trace", "alice", KEYS }, 2, "user:ID, room:NAME or type:TYPE")
    fails({ "trace", "conn:1", KEYS }, 2, "user:ID, room:NAME or type:TYPE")
    fails({ "trace", "user:", KEYS }, 2, "user:ID, room:NAME or type:TYPE")
    fails({ "trace", "user:a" }, 1, "a trace needs a key that may `admin`")
    fails({ "trace", "user:a", "--key=none", KEYS }, 2, "no key `none`")
    fails({ "trace", "user:a", "--key=shop", KEYS }, 1, "the key `shop` may not `admin`")
    fails({ "trace", "user:" .. ("x"):rep(200), KEYS }, 1, "`user`")
    fails({ "trace", "user:a", "--api.keys=ops:" .. ("y"):rep(40) }, 1, "api.keys")
    local got, _, problem = cli.run { "trace", "user:a", KEYS, "--admin=127.0.0.1:1" }
    assert.equal(2, got)
    assert.matches("is the server running", problem)
  end)

  it("needs no key for a server of perigee dev, on its machine", function()
    local own = t.server { mode = "dev", scripts = { ["main.lua"] = SCRIPT } }
    finally(function() own:stop() end)
    local function ask(path, field)
      return (http.exchange(admin.port_of(own), { "GET /api/v1/" .. path .. " HTTP/1.1",
        "Host: localhost", field }))
    end
    local pipe = io.popen(("exec setpriv --pdeathsig TERM %s trace user:alice --json "
      .. "--admin=%s"):format(cli.binary(), own.admin))
    assert.equal("trace", t.decode(pipe:read "l").event)
    own:connect("alice"):request("echo", 1)
    assert.equal("echo", t.decode(pipe:read "l").type)
    assert.equal(401, ask("trace?user=a", "Sec-Fetch-Site: cross-site"))
    assert.equal(401, ask("trace?user=a", "Origin: http://localhost"))
    assert.equal(401, ask("trace?user=a", "Authorization: Bearer " .. ("x"):rep(40)))
    assert.equal(401, ask("users/alice"))
    own:signal "TERM"
    pipe:close()
  end)

  it("ends when the server does", function()
    local own = t.server { scripts = { ["main.lua"] = SCRIPT }, options = api.options() }
    local pipe = io.popen(("%s trace user:a --admin=%s %s 2>&1")
      :format(cli.binary(), own.admin, KEYS))
    t.wait_until(function() return admin.metric(own, "perigee_traces") == 1 end)
    own:stop()
    local text = pipe:read "a"
    pipe:close()
    assert.matches("following user a", text)
    assert.matches("perigee: ", text)
  end)
end)
