-- SPDX-License-Identifier: MIT
-- The test kit, as the users of `perigee test` meet it.
local basexx = require "basexx"
local Client = require "perigee.testing_client"
local cli = require "spec.support.cli"
local cqueues = require "cqueues"
local digest = require "openssl.digest"
local socket = require "cqueues.socket"
local t = require "perigee.testing"

local SCRIPT = [[
  local perigee = require "perigee"
  local lines = require "lib.lines"
  return {
    say = function(client, data)
      if data.text == "" then
        return nil, "say.nothing", "Say something"
      end
      perigee.log.info("said: " .. data.text)
      perigee.broadcast { type = "said", data = {
        from = client.user_id, text = data.text, n = lines.count(data.text),
        motd = perigee.config.motd } }
    end,
    chatter = function(_, text)
      for _ = 1, 500 do perigee.log.info(("x"):rep(1000)) end
      perigee.log.info("said: " .. text)
    end,
    pid = function()
      return tonumber(io.open("/proc/self/stat"):read("a"):match "%d+")
    end,
    ["@join"] = function(_, room)
      if room == "closed" then
        return nil, "room.closed", "Not today"
      end
      return { room = room }
    end,
    ["@disconnect"] = function(client)
      perigee.broadcast { type = "gone", data = { user = client.user_id } }
    end,
  }
]]

local LINES = [[
  return { count = function(text)
    return select(2, text:gsub("\n", "\n")) + 1
  end }
]]

describe("perigee test", function()
  after_each(cli.cleanup)

  -- Runs specs (texts by file name) in a project; returns what cli.run does.
  local function run(specs, words, files, env)
    local all = { ["scripts/main.lua"] = SCRIPT,
      ["scripts/lib/lines.lua"] = LINES }
    for name, text in pairs(files or {}) do
      all[name] = text
    end
    for name, text in pairs(specs) do
      all["spec/" .. name] = 'local t = require "perigee.testing"\n' .. text
    end
    return cli.run({ "test", table.unpack(words or {}) },
      { dir = cli.folder(all), env = env })
  end

  local function passes(...)
    local status, out, problem = run(...)
    assert.equal(0, status, out .. problem)
    return out
  end

  it("runs a conversation on the scripts of the project", function()
    passes { ["say_spec.lua"] = [[
      it("reaches the others", function()
        local alice, bob = t.connect "alice", t.connect("bob", { x = 1 })
        assert.same({ room = "lobby" }, alice:join "lobby")
        alice:send("say", { text = "one" })
        alice:send("say", { text = "two" })
        bob:expect("said", { from = "alice", text = "two" })
        assert.equal("one", bob:expect("said").data.text)
        alice:expect "said"
        alice:expect "said"
        local code, text = alice:fails("say", { text = "" })
        assert.equal("say.nothing", code)
        assert.equal("Say something", text)
        bob:expect_nothing()
      end) ]] }
  end)

  it("sees what should not have come", function()
    passes { ["say_spec.lua"] = [[
      it("finds it", function()
        local alice, bob = t.connect "alice", t.connect "bob"
        alice:send("say", { text = "hi" })
        assert.error_matches(function() bob:expect_nothing "said" end,
          "no said, received")
        bob:expect_nothing "other"
        assert.error_matches(function() alice:join "closed" end,
          "room.closed")
        assert.error_matches(function() alice:fails("say", { text = "x" }) end,
          "should have failed")
        bob.timeout = 0.05
        assert.error_matches(function() bob:expect("said", { n = 7 }) end,
          '"n":7.*received instead.*"text":"hi"')
      end) ]] }
  end)

  -- Each of these stands on line 3 of its file.
  for call, problem in pairs {
    ['alice:request("say", { text = "" })'] =
      'alice was refused say: .*"code":"say.nothing"',
    ['alice:request "no.such"'] = "alice was refused no.such: .*UNKNOWN_TYPE",
    ['alice:join "closed"'] = "alice was refused join: .*room.closed",
    ['alice:leave ""'] = "alice was refused leave: .*BAD_REQUEST",
    ['alice:fails("say", { text = "x" })'] = "say should have failed",
    ['alice:expect("never", nil, 0.01)'] = "alice waits for never: timeout",
    ['alice:expect_nothing "said"'] = "expected no said, received",
    ['alice:expect_close(4502, 0.01)'] = "expected close 4502",
    ['alice:send("say", { text = 0/0 })'] =
      "data.text: %-?nan is no number of JSON",
    ['alice:request("say", { text = print })'] =
      "data.text: a function is no JSON",
    ['alice:try("say", { text = print })'] = "data.text: a function",
    ['alice:fails("say", { text = print })'] = "data.text: a function",
    ['alice:join("r", { [5] = true })'] = "data: its keys are neither",
    ['alice:drop() alice:send "say"'] = "alice cannot send say",
    ['t.connect { user = "eve", token = "x" }'] = "INVALID_TOKEN",
    ['t.connect { user = "eve", claims = { sub = "eve", exp = 0/0 } }'] =
      "claims.exp: %-?nan is no number",
    ['t.wait_until(function() return false end, 0.01)'] = "waited in vain",
  } do
    it("fails at the line of " .. call, function()
      local status, out, more = run { ["a_spec.lua"] = [[
        it("fails", function() local alice = t.connect "alice"
          alice:request("say", { text = "x" }) alice:sync() ]] .. call .. [[

        end) ]] }
      assert.equal(1, status, out .. more)
      assert.matches("a_spec.lua:3: [^\n]*" .. problem, out)
    end)
  end

  it("tells a reload that fails", function()
    passes { ["reload_spec.lua"] = [[
      it("fails", function()
        local server = t.server { scripts = { ["a.lua"] = "return {}" } }
        assert.matches("is live", server:reload())
        server:write("a.lua", "return {")
        assert.error_matches(function() server:reload() end,
          "reload failed.*a.lua:1:")
        assert.matches("a.lua:1:", server:reload_fails())
        server:write("a.lua", "return {}")
        assert.error_matches(function() server:reload_fails() end,
          "is live")
      end) ]] }
  end)

  it("has one server for all files, and lets no client stay", function()
    local spec = [[
      for i = 1, 2 do
        it("is the same " .. i, function()
          local alice = t.connect "alice"
          local file = io.open("pid")
          local pid = alice:request "pid"
          if file then
            assert.equal(file:read "n", pid)
          else
            io.open("pid", "w"):write(pid):close()
          end
          alice:expect_nothing()
        end)
      end ]]
    passes { ["a_spec.lua"] = spec, ["b_spec.lua"] = spec }
  end)

  it("shows what the server logged in an example that failed", function()
    local status, out, problem = run { ["say_spec.lua"] = [[
      it("first", function()
        t.connect("alice"):request("chatter", "before it")
      end)
      it("second", function()
        t.connect("alice"):request("chatter", "within it")
        error "that was wrong"
      end)
      it("third", function()
        t.connect("alice"):request("say", { text = "after it" })
      end) ]] }
    assert.equal(1, status)
    assert.matches("that was wrong", out, 1, true)
    assert.matches("said: within it", problem, 1, true)
    assert.is_nil(problem:find("said: before it", 1, true))
    assert.is_nil(problem:find("said: after it", 1, true))
  end)

  it("takes the configuration of the project, but for its keys", function()
    passes({ ["say_spec.lua"] = [[
      it("has it", function()
        local alice = t.connect "alice"
        alice:send("say", { text = "hi" })
        assert.equal("hello", alice:expect("said").data.motd)
        assert.equal(77, alice.info.ping_ms)
      end) ]] }, { "--heartbeat.interval_s=0.077" }, {
      ["perigee.cfg.lua"] = [[
        auth = { issuer = "backend", user_claim = "uid",
          algorithm = "RS256", public_key_file = "key.pem" }
        tls = { cert = "/nowhere/cert.pem", key = "/nowhere/key.pem" }
        log = { level = "error", format = "json" }
        heartbeat.interval_s = 3
        vars = { motd = "hello" } ]],
    })
  end)

  it("gives busted what comes after --", function()
    local out = passes({ ["a_spec.lua"] = [[
      it("is one", function() end)
      it("is two", function() end) ]] },
      { "spec/a_spec.lua", "--", "--output=TAP", "--filter=two" })
    assert.matches("ok 1 - is two", out, 1, true)
    assert.is_nil(out:find("is one", 1, true))
  end)

  it("takes other folders", function()
    passes({}, { "checks", "--scripts=handlers" }, {
      ["handlers/main.lua"] = "return { one = function() return 1 end }",
      ["checks/one_spec.lua"] = [[
        it("is one", function()
          local t = require "perigee.testing"
          assert.equal(1, t.connect("alice"):request "one")
        end) ]],
    })
  end)

  it("lets specs require the modules of the scripts", function()
    passes { ["lines_spec.lua"] = [[
      it("counts", function()
        assert.equal(2, require("lib.lines").count "a\nb")
      end) ]] }
  end)

  it("starts a server of its own for whoever wants one", function()
    passes { ["own_spec.lua"] = [[
      it("is another", function()
        local own = t.server { options = { ["limits.per_ip"] = 1 } }
        local first = own:connect "alice"
        assert.not_equal(t.connect("alice"):request "pid",
          first:request "pid")
        assert.error_matches(function() own:connect "alice" end, "4007")
      end) ]] }
  end)

  it("stops the server of an example with it, others with the file", function()
    passes { ["own_spec.lua"] = [[
      local first, second
      local of_file
      lazy_setup(function() of_file = t.server() end)
      it("one", function()
        first = t.server()
        t.connect "alice"
      end)
      it("two", function()
        assert.falsy(first:is_running())
        assert.is_true(of_file:is_running())
        assert.is_true(t.shared():is_running())
      end) ]] }
  end)

  it("fails with the log when the scripts do not load", function()
    local status, out, problem = run({ ["a_spec.lua"] = [[
      it("needs a server", function() t.connect "alice" end) ]] }, nil,
      { ["scripts/wrong.lua"] = "\nreturn { = }" })
    assert.equal(1, status)
    assert.matches("wrong.lua:2:", out .. problem, 1, true)
  end)

  it("leaves no files and no server behind", function()
    local tmp = cli.folder()
    local out = passes({ ["a_spec.lua"] = [[
      it("tells", function()
        print("pid=" .. t.connect("alice"):request "pid" .. ".")
      end) ]] }, nil, nil, { TMPDIR = tmp })
    assert.is_nil(io.popen("ls -A " .. tmp):read "l")
    local pid = out:match "pid=(%d+)"
    assert.is_nil(io.open("/proc/" .. pid .. "/stat"))
  end)

  it("says what must be installed", function()
    local nowhere = "/nowhere/?.so"
    local status, _, problem = run({ ["a_spec.lua"] = "" }, nil, nil,
      { LUA_CPATH = nowhere, LUA_CPATH_5_4 = nowhere })
    assert.equal(1, status)
    assert.matches("apt install [^\n]*lua%-cqueues", problem)
    assert.matches("luarocks [^\n]*install [^\n]*cqueues", problem)
  end)

  it("says when there is no Lua", function()
    local binary = io.popen("realpath " .. t.binary):read "l"
    local out = io.popen(("PATH=/nowhere %s test 2>&1"):format(binary))
    assert.matches("lua5.4", out:read "a", 1, true)
    local _, _, status = out:close()
    assert.equal(1, status)
  end)

  it("does not know every flag", function()
    local status, _, problem = run({}, { "--script=x" })
    assert.equal(2, status)
    assert.matches("did you mean `--scripts`", problem, 1, true)
  end)
end)

describe("The JSON of the kit", function()
  local itself = {}
  itself.me = { itself }
  for place, value in pairs {
    ["value: %-?nan is no number"] = 0 / 0,
    ["value.a%[2%]: inf is no number"] = { a = { 1, math.huge } },
    ["value: its keys are neither all strings nor 1 to n"] = { 1, nil, 3 },
    ["value.b: its keys are neither"] = { b = { 1, x = 2 } },
    ["value.c: its keys are neither"] = { c = { [true] = 1 } },
    ["value.d: its keys are neither"] = { d = t.array { x = 1 } },
    ["value.f: a function is no JSON"] = { f = print },
    ["value: a userdata is no JSON"] = io.stdout,
    ["value.me%[1%]: a table inside itself"] = itself,
    ["value.s: a string that is not UTF%-8"] = { s = "\xff" },
    ["value.k: a string that is not UTF%-8"] = { k = "\xed\xa0\x80" },
    ['value: a name that is not UTF%-8'] = { ["\xff"] = 1 },
  } do
    it("refuses to write " .. place, function()
      assert.error_matches(function() t.encode(value) end, "^" .. place)
    end)
  end

  it("writes everything else exactly", function()
    for text, value in pairs {
      ["5"] = 5, ["5.0"] = 5.0, ["-0.0"] = -0.0, ["1e+300"] = 1e300,
      ["0.30000000000000004"] = 0.1 + 0.2, ["9223372036854775807"] = 1 << 63
        ~ -1, ["[]"] = t.array {}, ["{}"] = {}, ["[null,[],{}]"] =
        { t.null, t.array {}, {} }, ['{"1":2}'] = { ["1"] = 2 },
      ['"\195\164\\u0000\\n\\""'] = "\195\164\0\n\"", ["null"] = t.null,
    } do
      assert.equal(text, t.encode(value))
      assert.equal(text, t.encode(t.decode(text)))
    end
  end)
end)

describe("A client of the kit", function()
  -- RFC 6455, 4.2.2
  local GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

  -- Takes one client in and sends it these bytes; each piece is there alone,
  -- as the client runs between them.
  local function send_pieces(listener, pieces)
    local conn, key = listener:accept(), nil
    conn:setmode("bn", "bn")
    for line in conn:lines "*L" do
      key = line:match "^[Ss]ec%-[Ww]eb[Ss]ocket%-[Kk]ey: *(%S+)" or key
      if line == "\r\n" then break end
    end
    conn:write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n",
      "Connection: Upgrade\r\nSec-WebSocket-Accept: ",
      basexx.to_base64(digest.new("sha1"):final(key .. GUID)), "\r\n\r\n")
    for _, piece in ipairs(pieces) do
      conn:write(piece)
      for _ = 1, 3 do cqueues.sleep(0) end -- the client reads that much
    end
    return conn
  end

  for length, head in pairs {
    [125] = "\x81\125", [126] = "\x81\126\0\126",
    [4000] = "\x81\126\x0f\xa0", [65535] = "\x81\126\xff\xff",
    [65536] = "\x81\127\0\0\0\0\0\1\0\0",
  } do
    it(("reads a message of %d bytes that comes in pieces"):format(length),
      function()
        local bytes = head .. ("x"):rep(length)
        local listener = socket.listen("127.0.0.1", 0)
        local _, _, port = listener:localname()
        local loop, got = cqueues.new(), nil
        loop:wrap(function()
          local conn = send_pieces(listener, { bytes:sub(1, 1),
            bytes:sub(2, 3), bytes:sub(4, 9), bytes:sub(10, -2), bytes:sub(-1) })
          conn:read(1) -- until the client has gone
          conn:close()
        end)
        loop:wrap(function()
          local url = ("ws://127.0.0.1:%d/"):format(port)
          local client = assert(Client.new(url))
          got = client:receive()
          client:drop()
        end)
        assert(loop:loop())
        listener:close()
        assert.equal(length, got and #got)
      end)
  end
end)
